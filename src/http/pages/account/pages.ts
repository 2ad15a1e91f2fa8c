// Registers the pages of an account, /account and its sections, for the person who is signed in by the cookie of the service.
import type { Api } from '../../typebox.ts'
import type { HostedParts } from '../hosted/parts.ts'
import type { AccountParts } from './action.ts'
import { connectionsPages } from './connections.ts'
import { dataPages } from './data.ts'
import { devicesPages } from './devices.ts'
import { passkeyActions } from './passkeys.ts'
import { profilePages } from './profile.ts'
import { securityPages } from './security.ts'
import { stepUpSteps } from './step-up.ts'

/** Registers the pages and their actions. */
export function accountPages(api: Api, hosted: HostedParts): void {
  const parts: AccountParts = { ...hosted, actions: new Map() }
  profilePages(api, parts)
  securityPages(api, parts)
  passkeyActions(api, parts)
  devicesPages(api, parts)
  connectionsPages(api, parts)
  dataPages(api, parts)
  stepUpSteps(api, parts)
}
