// What becomes of everything that belongs to an account when something happens to it: one total table, which every verb
// that proves, recovers or ends an account applies in its own transaction. `npm run docs` prints it in docs/security.md.
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
import { isOperatorsProject, operatorsProjectId } from '../projects/operators-project.ts'

/** What may belong to an account: ways in, requests under way, and what it is. */
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
 * - `ends`: it is gone when the event is committed
 * - `stays`
 * - `replaced`: the verb puts another one in its place
 * - `spares`: ends, except the session that acts, identities whose provider vouches for the account's own address, recovery
 *   codes that stand in for another factor, and factors and passkeys that are older than what is undone or disowned
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
 * The owner of the mailbox enters an account that another person may have set up. Nobody can enrol a factor in one, so nothing that
 * the mailbox proves takes a factor away.
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
 * The owner takes back an account of theirs that another person was in. Passkeys stay: they were added while the owner had
 * proven the address, and a mail must not get round them; the notice lists them.
 */
const recovered: Fates = { ...evicted, passkeys: 'stays', undo_links: 'stays' }

/** A recovery that knows when another person came: what they may have enrolled since then ends. */
const sinceThen = { passkeys: 'spares', totp: 'spares', recovery_codes: 'spares' } as const

/** The owner chooses another password, in a session that stays. */
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

/** The account is closed, and may be opened again. */
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

/** A factor more or less: what was opened without it, or spared it, ends. */
const factorsChanged: Fates = { ...nothingEnds, trusted_devices: 'ends', second_factor_challenges: 'ends' }

/** The row of every event. */
export const lifecycle = {
  /** The address was proven together with the account's session or password. */
  proven_by_holder: nothingEnds,
  /** The address was proven by its mail alone: the person may have clicked on another device. */
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
  /** A reset where the mailbox and the holder of the account are not known to be one person. */
  mailbox_entered: { ...evicted, password: 'replaced' },
  /** "This was not me" in answer to the mail of a sign-up. */
  sign_up_disowned: evicted,
  /** A provider that opened the account before vouches for the address, and the account has other ways in. */
  vouched_by_provider: evicted,
  /** A provider that vouches for the address, in the same case. */
  taken_over_by_provider: { ...evicted, identities: 'ends' },
  password_reset: { ...recovered, password: 'replaced' },
  /** "This was not me" in a notice about a sign-in. */
  sign_in_disowned: { ...recovered, ...sinceThen },
  /** The former address took a change of address back: a factor added since rests on the address that is gone. */
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
  /** A second factor was enrolled, and proven in the session that stays. */
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
  /** Signing in took a pending deletion back: what had ended stays ended. */
  restored: nothingEnds,
  /** At once: the rows are deleted with the account. */
  deleted: everythingEnds,
} as const satisfies Record<string, Fates>

export type AccountEvent = keyof typeof lifecycle

/** Which holding the tokens of a purpose are. */
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

/** What a recovery ended and what it left, by the names under which the owner's notice lists them. */
export interface Outcome {
  readonly ended: readonly Holding[]
  readonly stayed: readonly Holding[]
}

/** What the notice about a recovery says that it left; factors where there are any. */
const listedIfLeft: readonly Holding[] = ['identities', 'passkeys', 'totp', 'memberships', 'profile']

/**
 * Ends what the table says, in the transaction of the event and under the lock of the account; what is `replaced` is left
 * to the verb. Sessions end by a new epoch, save the one that acts where they are spared.
 * @param since when that happened which the owner undoes or disowns; null: nothing is
 * @returns what ended and what of it stays, for the notice
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

/** Ends a holding, or all of it but what is spared. @returns whether there was any */
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

/** Members of teams are decided by their ADMINs, operators by owners, and what an account says about itself by its owner. */
const neverEnds: End = async () => {
  throw new Error('No event ends this.')
}

const enders: Readonly<Record<Holding, End>> = {
  async password(tx, { id }) {
    await removePassword(tx.store, id)
    return true
  },
  async sessions(tx, { id }, fate) {
    // Where one is spared, the statement that replaces the password or adds a factor has ended them, and the verb keeps that one.
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
  async invitations_sent(tx, { id }) {
    return revokeInvitationsOfUser(tx.store, id)
  },
  memberships: neverEnds,
  profile: neverEnds,
}

/**
 * To be called before an account of an operator is closed, and before any lock of it. Nothing in other projects.
 * @throws AuthError last_owner (nobody would be left who owns the installation and can sign in)
 */
export async function mustLeaveAnOwner(tx: Context, userId: number): Promise<void> {
  if (tx.project.id !== operatorsProjectId) return
  await lockOperators(tx.store)
  if ((await isOwner(tx.store, userId)) && !(await hasOtherOwner(tx.store, userId)))
    throw new AuthError('last_owner')
}

/** Locks a user, then their teams. @throws AuthError team_admin_needed (a team would be left without an ADMIN) */
export async function mustStrandNoTeam(ctx: Context, userId: number): Promise<void> {
  await lockUser(ctx.store, userId)
  await lockTeamsOfUser(ctx.store, userId)
  if (await wouldStrandTeam(ctx.store, userId)) throw new AuthError('team_admin_needed')
}
