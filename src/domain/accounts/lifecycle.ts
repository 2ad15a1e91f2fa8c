// The life cycle of an account: one total table of what each event does to each holding of the account. Every function that
// proves, recovers or ends an account applies a row in its own transaction. `npm run docs` prints the table in docs/security.md.
import { deleteKnownDevices } from '../../repositories/accounts/known-devices.ts'
import {
  hasSecondFactor,
  removeSecondFactor,
  secondFactorsOf,
} from '../../repositories/accounts/second-factors.ts'
import { advanceEpoch, lockUser, setUserProvider, type UserRow } from '../../repositories/accounts/users.ts'
import { revokeAllApiKeys } from '../../repositories/api-keys/api-keys.ts'
import { endEmailSignIns } from '../../repositories/credentials/email-sign-ins.ts'
import { deletePasskeys, listPasskeys } from '../../repositories/credentials/passkeys.ts'
import { removePassword } from '../../repositories/credentials/passwords.ts'
import { deleteRecoveryCodes } from '../../repositories/credentials/recovery-codes.ts'
import { deleteChallenges } from '../../repositories/credentials/second-factor-challenges.ts'
import { deleteTotp } from '../../repositories/credentials/totp-factors.ts'
import { deleteTrustedDevices } from '../../repositories/credentials/trusted-devices.ts'
import { type Purpose, voidTokens } from '../../repositories/credentials/verification-tokens.ts'
import { voidSetups } from '../../repositories/operators/keys.ts'
import { hasOtherOwner, isOwner, lockOperators } from '../../repositories/operators/roles.ts'
import { deleteIdentities, listIdentities } from '../../repositories/social/identities.ts'
import { revokeInvitationsOfUser } from '../../repositories/teams/invitations.ts'
import { lockTeamsOfUser, wouldStrandTeam } from '../../repositories/teams/teams.ts'
import { record } from '../audit/audit.ts'
import type { Context } from '../context.ts'
import { AuthError } from '../errors.ts'
import { isOperatorsProject } from '../projects/operators-project.ts'

/** Everything that may belong to an account: ways to sign in, pending requests, and its data. */
export type Holding =
  | 'password'
  | 'sessions'
  | 'api_keys'
  | 'identities'
  | 'passkeys'
  | 'known_devices'
  | 'totp'
  | 'recovery_codes'
  | 'trusted_devices'
  | 'second_factor_challenges'
  | 'email_change'
  | 'undo_links'
  | 'disown_links'
  | 'reset_tokens'
  | 'verification_tokens'
  | 'email_sign_ins'
  | 'exchange_codes'
  | 'step_up_codes'
  | 'setup_links'
  | 'operator_roles'
  | 'invitations_sent'
  | 'memberships'
  | 'profile'

/**
 * - `ends`: it no longer exists when the event is committed
 * - `stays`: it is not changed
 * - `replaced`: the function that handles the event puts a new one in its place
 * - `spares`: it ends, except for the current session, identities whose provider vouches for the account's own address,
 *   recovery codes if another factor is left, and factors and passkeys that are older than the change or sign-in that is
 *   undone or disowned
 */
export type Fate = 'ends' | 'stays' | 'replaced' | 'spares'

type Fates = Readonly<Record<Holding, Fate>>

const nothingEnds: Fates = {
  password: 'stays',
  sessions: 'stays',
  api_keys: 'stays',
  identities: 'stays',
  passkeys: 'stays',
  known_devices: 'stays',
  totp: 'stays',
  recovery_codes: 'stays',
  trusted_devices: 'stays',
  second_factor_challenges: 'stays',
  email_change: 'stays',
  undo_links: 'stays',
  disown_links: 'stays',
  reset_tokens: 'stays',
  verification_tokens: 'stays',
  email_sign_ins: 'stays',
  exchange_codes: 'stays',
  step_up_codes: 'stays',
  setup_links: 'stays',
  operator_roles: 'stays',
  invitations_sent: 'stays',
  memberships: 'stays',
  profile: 'stays',
}

const everythingEnds = Object.fromEntries(
  Object.keys(nothingEnds).map((holding) => [holding, 'ends']),
) as unknown as Record<Holding, 'ends'>

/**
 * The owner of the mailbox takes over an account that another person may have set up. No factor can be enrolled in such an
 * account, so access to the mailbox never removes a factor.
 */
const evicted: Fates = {
  ...nothingEnds,
  password: 'ends',
  sessions: 'ends',
  api_keys: 'ends',
  identities: 'spares',
  passkeys: 'ends',
  known_devices: 'ends',
  trusted_devices: 'ends',
  second_factor_challenges: 'ends',
  email_change: 'ends',
  undo_links: 'ends',
  disown_links: 'ends',
  reset_tokens: 'ends',
  verification_tokens: 'ends',
  email_sign_ins: 'ends',
  exchange_codes: 'ends',
  step_up_codes: 'ends',
  setup_links: 'ends',
  invitations_sent: 'ends',
}

/**
 * The owner recovers their account, to which another person may have had access. Passkeys stay, because they were added after
 * the owner had proven the address and access to the mailbox must not be enough to remove them. The notice lists them.
 */
const recovered: Fates = { ...evicted, passkeys: 'stays', undo_links: 'stays' }

/** For a recovery that knows when another person got access: factors added since then end. */
const sinceThen = { passkeys: 'spares', totp: 'spares', recovery_codes: 'spares' } as const

/** The owner chooses another password; the current session stays. */
const passwordReplaced: Fates = {
  ...nothingEnds,
  password: 'replaced',
  sessions: 'spares',
  trusted_devices: 'ends',
  second_factor_challenges: 'ends',
  email_change: 'ends',
  reset_tokens: 'ends',
  email_sign_ins: 'ends',
  exchange_codes: 'ends',
  step_up_codes: 'ends',
  setup_links: 'ends',
}

/** The account is closed and may be reopened. */
const suspended: Fates = {
  ...nothingEnds,
  sessions: 'ends',
  api_keys: 'ends',
  trusted_devices: 'ends',
  second_factor_challenges: 'ends',
  email_change: 'ends',
  reset_tokens: 'ends',
  verification_tokens: 'ends',
  email_sign_ins: 'ends',
  exchange_codes: 'ends',
  step_up_codes: 'ends',
  setup_links: 'ends',
  invitations_sent: 'ends',
}

/** The set of factors changed: pending sign-ins and the trust in browsers that skip the second factor end. */
const factorsChanged: Fates = { ...nothingEnds, trusted_devices: 'ends', second_factor_challenges: 'ends' }

/** The row of every event. */
export const lifecycle = {
  /** The address was proven together with the account's session or password. */
  proven_by_holder: nothingEnds,
  /** The address was proven by its mail alone, as by a click on another device. */
  proven_by_mailbox: nothingEnds,
  /** A sign-up was proven for an address that has an unproven account. */
  claim_proven: {
    ...evicted,
    totp: 'ends',
    recovery_codes: 'ends',
    password: 'replaced',
    identities: 'ends',
    profile: 'replaced',
  },
  /** A password reset of an account whose holder never proved the address. */
  mailbox_entered: { ...evicted, password: 'replaced' },
  /** "This was not me" in answer to the mail of a sign-up. */
  sign_up_disowned: evicted,
  /** A provider linked to the account vouches for the address, and the account has other ways to sign in. */
  vouched_by_provider: evicted,
  /** A provider not linked to the account vouches for the address, and the account has other ways to sign in. */
  taken_over_by_provider: { ...evicted, identities: 'ends' },
  password_reset: { ...recovered, password: 'replaced' },
  /** "This was not me" in a notice about a sign-in. */
  sign_in_disowned: { ...recovered, ...sinceThen },
  /** The former address undid a change of address: factors added since then belong to the other person. */
  change_undone: { ...evicted, ...sinceThen },
  password_changed: passwordReplaced,
  password_set: passwordReplaced,
  address_changed: {
    ...nothingEnds,
    second_factor_challenges: 'ends',
    email_change: 'ends',
    disown_links: 'ends',
    reset_tokens: 'ends',
    verification_tokens: 'ends',
    email_sign_ins: 'ends',
    exchange_codes: 'ends',
    step_up_codes: 'ends',
    setup_links: 'ends',
  },
  signed_out_everywhere: {
    ...nothingEnds,
    sessions: 'ends',
    trusted_devices: 'ends',
    second_factor_challenges: 'ends',
    email_change: 'ends',
    email_sign_ins: 'ends',
    exchange_codes: 'ends',
    step_up_codes: 'ends',
  },
  /** A second factor was enrolled and proven in the current session, which stays. */
  factor_added: {
    ...factorsChanged,
    sessions: 'spares',
    email_sign_ins: 'ends',
    exchange_codes: 'ends',
    step_up_codes: 'ends',
  },
  totp_removed: { ...factorsChanged, totp: 'ends', recovery_codes: 'spares' },
  /** An operator removed the factors, after a waiting time. */
  factors_reset: { ...factorsChanged, totp: 'ends', recovery_codes: 'ends' },
  disabled: suspended,
  enabled: nothingEnds,
  deletion_scheduled: suspended,
  /** A sign-in cancelled the pending deletion. Holdings that had ended are not restored. */
  restored: nothingEnds,
  /** At once: the rows are deleted with the account. */
  deleted: everythingEnds,
} as const satisfies Record<string, Fates>

export type AccountEvent = keyof typeof lifecycle

/** The holding to which tokens of each purpose belong. */
const holdingOf = {
  verify_email: 'verification_tokens',
  reset_password: 'reset_tokens',
  change_email: 'email_change',
  undo_email_change: 'undo_links',
  disown_sign_in: 'disown_links',
  social_sign_in: 'exchange_codes',
  session_exchange: 'exchange_codes',
  step_up: 'step_up_codes',
  second_factor: 'second_factor_challenges',
} as const satisfies Record<Purpose, Holding>

/** The holdings that an event ended and left, as the owner's notice lists them. */
export interface Outcome {
  readonly ended: readonly Holding[]
  readonly stayed: readonly Holding[]
}

/** The holdings that the notice lists if they stay; passkeys and factors only if there are any. */
const listedIfLeft: readonly Holding[] = ['identities', 'passkeys', 'totp', 'memberships', 'profile']

/**
 * Applies a row of the table, in the transaction of the event and under the lock of the account. Holdings that are `replaced`
 * are left to the caller. Sessions end by a new epoch of the account.
 * @param since when the change or sign-in happened that is undone or disowned; null: nothing is undone
 * @returns the holdings that ended and stayed, for the notice
 */
export async function applyLifecycle(
  tx: Context,
  event: AccountEvent,
  user: Pick<UserRow, 'id' | 'email' | 'secondFactors'>,
  since: Date | null = null,
): Promise<Outcome> {
  const fates: Fates = lifecycle[event]
  const ended: Holding[] = []
  for (const [holding, end] of Object.entries(enders) as [Holding, End][]) {
    const fate = fates[holding]
    if (fate !== 'stays' && fate !== 'replaced' && (await end(tx, user, fate, since))) ended.push(holding)
  }
  const left = listedIfLeft.filter((holding) => fates[holding] !== 'ends')
  const hasPasskeys = left.includes('passkeys') && (await listPasskeys(tx.store, user.id)).length > 0
  const isThere = (holding: Holding) =>
    holding === 'passkeys' ? hasPasskeys : holding !== 'totp' || secondFactorsOf(user).includes(holding)
  return { ended, stayed: left.filter(isThere) }
}

/** Ends a holding, or the part of it that is not spared. @returns whether anything ended */
type End = (
  tx: Context,
  user: Pick<UserRow, 'id' | 'email'>,
  fate: 'ends' | 'spares',
  since: Date | null,
) => Promise<boolean>

const endTokens =
  (holding: Holding): End =>
  (tx, { id }) => {
    const purposes = Object.entries(holdingOf).flatMap(([purpose, of]) =>
      of === holding ? [purpose as Purpose] : [],
    )
    return voidTokens(tx.store, id, purposes)
  }

/** Memberships are decided by a team's ADMINs, operator roles by owners, and the profile by the user. */
const neverEnds: End = async () => {
  throw new Error('No event ends this.')
}

const enders: Readonly<Record<Holding, End>> = {
  async password(tx, { id }) {
    await removePassword(tx.store, id)
    return true
  },
  async sessions(tx, { id }, fate) {
    // If one is spared, the statement that replaces the password or adds the factor has ended all, and the caller keeps that one.
    if (fate === 'ends') await advanceEpoch(tx.store, id)
    return true
  },
  async api_keys(tx, { id }) {
    if ((await revokeAllApiKeys(tx.store, id)) === 0) return false
    await record(tx, 'api_keys_revoked', { userId: id })
    return true
  },
  async identities(tx, { id, email }, fate) {
    if ((await deleteIdentities(tx.store, id, fate === 'spares' ? email : null)) === 0) return false
    const [left] = await listIdentities(tx.store, id)
    await setUserProvider(tx.store, id, left?.provider ?? null)
    await record(tx, 'identity_unlinked', { userId: id })
    return true
  },
  async passkeys(tx, { id }, fate, since) {
    if (fate === 'spares' && since === null) throw new Error('This spares factors by when they were added.')
    if ((await deletePasskeys(tx.store, id, fate === 'spares' ? since : null)) === 0) return false
    await record(tx, 'passkeys_removed', { userId: id })
    return true
  },
  known_devices: (tx, { id }) => deleteKnownDevices(tx.store, id),
  async totp(tx, { id }, fate, since) {
    if (fate === 'spares' && since === null) throw new Error('This spares factors by when they were added.')
    if (!(await deleteTotp(tx.store, id, fate === 'spares' ? since : null))) return false
    await removeSecondFactor(tx.store, id, 'totp')
    await record(tx, 'factor_removed', { userId: id })
    return true
  },
  async recovery_codes(tx, { id }, fate) {
    if (fate === 'spares' && (await hasSecondFactor(tx.store, id))) return false
    return deleteRecoveryCodes(tx.store, id)
  },
  trusted_devices: (tx, { id }) => deleteTrustedDevices(tx.store, id),
  async second_factor_challenges(tx, { id }) {
    await voidTokens(tx.store, id, ['second_factor'])
    return deleteChallenges(tx.store, id)
  },
  email_change: endTokens('email_change'),
  undo_links: endTokens('undo_links'),
  disown_links: endTokens('disown_links'),
  reset_tokens: endTokens('reset_tokens'),
  verification_tokens: endTokens('verification_tokens'),
  email_sign_ins: (tx, { email }) => endEmailSignIns(tx.store, email),
  exchange_codes: endTokens('exchange_codes'),
  step_up_codes: endTokens('step_up_codes'),
  // Accounts of other projects have none.
  setup_links: async (tx, { id }) => isOperatorsProject(tx.project) && voidSetups(tx.store, id),
  operator_roles: neverEnds,
  invitations_sent: (tx, { id }) => revokeInvitationsOfUser(tx.store, id),
  memberships: neverEnds,
  profile: neverEnds,
}

/**
 * Refuses to close the account of the last owner, or to take that role from them. Call it before the account is locked. Does
 * nothing outside of the operators' project.
 * @throws AuthError last_owner (no other owner of the installation could sign in)
 */
export async function mustLeaveAnOwner(tx: Context, userId: number): Promise<void> {
  if (!isOperatorsProject(tx.project)) return
  await lockOperators(tx.store)
  if ((await isOwner(tx.store, userId)) && !(await hasOtherOwner(tx.store, userId)))
    throw new AuthError('last_owner')
}

/** Locks a user and then their teams. @throws AuthError team_admin_needed (a team would be left without an ADMIN) */
export async function mustStrandNoTeam(ctx: Context, userId: number): Promise<void> {
  await lockUser(ctx.store, userId)
  await lockTeamsOfUser(ctx.store, userId)
  if (await wouldStrandTeam(ctx.store, userId)) throw new AuthError('team_admin_needed')
}
