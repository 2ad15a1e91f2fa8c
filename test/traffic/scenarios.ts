// What the recorder asks for: every scenario by its name.
import { accounts } from './scenarios/accounts.ts'
import { adminScenarios } from './scenarios/admin.ts'
import { mails } from './scenarios/mails.ts'
import { open } from './scenarios/open.ts'
import { products } from './scenarios/products.ts'
import { refusals } from './scenarios/refusals.ts'
import { teams } from './scenarios/teams.ts'
import type { Scenario } from './steps.ts'

export const scenarios: readonly Scenario[] = [
  ...[...accounts, ...mails, ...teams, ...products, ...adminScenarios, ...open, ...refusals],
]
