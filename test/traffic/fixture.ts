// The traffic of a release: one request a line with the answer that it had, scenario by scenario, each headed by its policy.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/package.ts'
import type { AnswerShape } from './compare.ts'
import type { MailStep, RequestStep, Scenario } from './steps.ts'

export type RecordedStep = (RequestStep & { readonly expected: AnswerShape }) | MailStep

export interface RecordedScenario extends Omit<Scenario, 'steps'> {
  readonly steps: readonly RecordedStep[]
}

const folder = join(packageRoot, 'test/fixtures')
const byVersion = new Intl.Collator('en', { numeric: true }).compare

export const fixtureOf = (version: string): string => join(folder, `traffic-${version}.jsonl`)

/** @returns the versions whose traffic is here, the oldest first */
export const recordedVersions = (): string[] =>
  readdirSync(folder)
    .flatMap((name) => /^traffic-(.+)\.jsonl$/.exec(name)?.[1] ?? [])
    .sort(byVersion)

export function readFixture(file: string): RecordedScenario[] {
  const scenarios: (RecordedScenario & { steps: RecordedStep[] })[] = []
  for (const line of readFileSync(file, 'utf8').trimEnd().split('\n')) {
    const read = JSON.parse(line)
    if ('name' in read) scenarios.push({ ...read, steps: [] })
    else scenarios.at(-1)?.steps.push(read)
  }
  return scenarios
}

export function writeFixture(file: string, scenarios: readonly RecordedScenario[]): void {
  const sorted = scenarios.toSorted((a, b) => byVersion(a.name, b.name))
  const lines = sorted.flatMap(({ steps, ...head }) => [head, ...steps])
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
}
