// Finds or creates the account of a provider's profile.
//
// An identity is (issuer, subject). An address that the provider has verified links to the account whose holder has proven the same
// address, and takes over any other account with the address. An unverified address links to no account.
import { randomUUID } from 'node:crypto'
import { hashSecret } from '../../crypto/secrets.ts'
import { releaseDueAddress } from '../../repositories/accounts/deletion.ts'
import {
  findUserByEmail,
  insertUser,
  isHolderProven,
  lockUser,
  proven as provenBy,
  type UserRow,
  updateLockedUser,
} from '../../repositories/accounts/users.ts'
import { isConflict } from '../../repositories/conflict.ts'
import { listPasskeys } from '../../repositories/credentials/passkeys.ts'
import { findPasswordHash } from '../../repositories/credentials/passwords.ts'
import { spendProof } from '../../repositories/credentials/spent-proofs.ts'
import * as rows from '../../repositories/social/identities.ts'
import type { Profile, Provider, SingleUse } from '../../social/profile.ts'
import { findClaimOfIdentity, openClaim } from '../accounts/claims.ts'
import { applyLifecycle, type Outcome } from '../accounts/lifecycle.ts'
import { record } from '../audit/audit.ts'
import { type Context, inTransaction } from '../context.ts'
import { mintForApplication } from '../credentials/mailed-tokens.ts'
import { notify } from '../mail/notify.ts'
import { demandsVerification, mustAllowSignUp } from '../projects/projects.ts'
import { labelOf } from '../projects/providers.ts'

export interface ProvenProfile {
  readonly provider: Provider
  readonly profile: Profile
}

export type Admission =
  | { readonly kind: 'admitted'; readonly user: UserRow; readonly isNew: boolean }
  | { readonly kind: 'disabled' | 'email_missing' }
  /** The token is for an application that delivers mail itself and presented the project's secret; else null. */
  | { readonly kind: 'unverified'; readonly verificationToken: string | null }

/** Thrown when another transaction changed rows that this one had read. */
class ConcurrentChange extends Error {}

const maxAttempts = 3

/** Runs `work` in a transaction, and again if a concurrent one took the same address or identity. */
export async function retryOnConflict<C extends Context, T>(ctx: C, work: (tx: C) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await inTransaction(ctx, work)
    } catch (error) {
      if (attempt === maxAttempts || !(error instanceof ConcurrentChange || isConflict(error))) throw error
    }
  }
}

/** Marks a proof as accepted. @returns false: it was accepted before; the transaction must be rolled back */
export async function acceptOnce(tx: Context, proof: SingleUse | null): Promise<boolean> {
  if (!proof) return true
  for (const mark of proof.marks)
    if (!(await spendProof(tx.store, { markHash: hashSecret(mark), expiresAt: proof.until }))) return false
  return true
}

function insertIdentity(
  tx: Context,
  userId: number,
  { provider, profile }: ProvenProfile,
): Promise<rows.IdentityRow> {
  const { issuer, subject, email, emailVerified } = profile
  return rows.insertIdentity(tx.store, {
    id: randomUUID(),
    userId,
    provider: provider.name,
    issuer,
    subject,
    email,
    emailVerified,
  })
}

/** Links a provider's profile to an account, and notifies the owner by mail. @param outcome what the takeover ended, if it was one */
export async function linkProfile(
  tx: Context,
  user: UserRow,
  proven: ProvenProfile,
  outcome?: Outcome,
): Promise<rows.IdentityRow> {
  const identity = await insertIdentity(tx, user.id, proven)
  await record(tx, 'identity_linked', { userId: user.id })
  const provider = labelOf(proven.provider.name)
  await notify(tx, 'identity_linked', { user, details: { provider, ...outcome } })
  return identity
}

/** Admits a user unless their address must be proven first, as for an account from before the policy demanded that. */
async function admitVerified(tx: Context, user: UserRow, isNew: boolean): Promise<Admission> {
  if (!demandsVerification(tx.project, user)) return { kind: 'admitted', user, isNew }
  return { kind: 'unverified', verificationToken: await mintForApplication(tx, user) }
}

/** Admits the user of a known identity. */
async function admitKnown(
  tx: Context,
  { identity, user }: rows.IdentityAndUser,
  { provider, profile }: ProvenProfile,
): Promise<Admission> {
  if (user.disabledAt) return { kind: 'disabled' }
  await rows.markIdentityUsed(tx.store, identity.id, profile)
  const proves = !isHolderProven(user) && profile.emailVerified && profile.email === user.email
  if (!proves) return admitVerified(tx, user, false)
  const owner = await lockUser(tx.store, user.id)
  if (owner?.email !== user.email || owner.disabledAt) throw new ConcurrentChange()
  await record(tx, 'email_verified', { userId: user.id })
  if (await isOnlyWayIn(tx, user.id)) {
    return admitVerified(tx, await updateProven(tx, user.id, {}), false)
  }
  // The owner of the address takes the account: credentials set up by others end, the identity that proved the address stays.
  await rows.deleteOtherIdentities(tx.store, user.id, identity.id)
  const outcome = await applyLifecycle(tx, 'vouched_by_provider', owner)
  const verified = await updateProven(tx, user.id, { provider: identity.provider })
  const details = { provider: labelOf(provider.name), ...outcome }
  await notify(tx, 'identity_linked', { user: verified, details })
  return admitVerified(tx, verified, false)
}

/** Whether the account has one identity and no other credential, so that only one person can have used it. */
async function isOnlyWayIn(tx: Context, userId: number): Promise<boolean> {
  const isAlone = (await rows.listIdentities(tx.store, userId)).length === 1
  if (!isAlone || (await findPasswordHash(tx.store, userId)) !== null) return false
  return (await listPasskeys(tx.store, userId)).length === 0
}

/** Changes a locked account and marks its address as proven by its holder. */
const updateProven = (tx: Context, userId: number, change: Partial<UserRow>) =>
  updateLockedUser(tx.store, userId, { ...change, ...provenBy('holder') })

async function createAccount(
  tx: Context,
  email: string,
  proven: ProvenProfile,
  locale: string | null,
): Promise<Admission> {
  mustAllowSignUp(tx.project)
  const { displayName, firstName, lastName, emailVerified, issuer, subject } = proven.profile
  const { mode } = tx.project.policy.verification
  const named = { displayName, firstName, lastName, locale, metadata: {} }
  if (!emailVerified && mode === 'strict') {
    const identity = { provider: proven.provider.name, issuer, subject }
    const claim =
      (await findClaimOfIdentity(tx, email, identity)) ??
      (await openClaim(tx, { ...named, email, passwordHash: null, identity }))
    return { kind: 'unverified', verificationToken: claim.token }
  }
  const user = await insertUser(tx.store, {
    ...named,
    uuid: randomUUID(),
    email,
    emailVerified,
    passwordHash: null,
    provider: proven.provider.name,
  })
  if (!user) throw new ConcurrentChange()
  await insertIdentity(tx, user.id, proven)
  if (!emailVerified && mode !== 'off') await notify(tx, 'verify_email', { user })
  return admitVerified(tx, user, true)
}

/** Gives an account with an unproven address to the person whose provider has verified that address. */
async function takeOver(tx: Context, owner: UserRow, proven: ProvenProfile): Promise<Admission> {
  const { displayName, firstName, lastName } = proven.profile
  const outcome = await applyLifecycle(tx, 'taken_over_by_provider', owner)
  const named = displayName === null ? {} : { displayName, firstName, lastName }
  const user = await updateProven(tx, owner.id, { ...named, provider: proven.provider.name })
  await record(tx, 'account_taken_over', { userId: owner.id })
  await linkProfile(tx, user, proven, outcome)
  return { kind: 'admitted', user, isNew: false }
}

/** Finds, links, takes over or creates the account of a profile, in a transaction of `retryOnConflict` that must be committed. */
export async function admit(tx: Context, proven: ProvenProfile, locale: string | null): Promise<Admission> {
  const { issuer, subject, email, emailVerified } = proven.profile
  const known = await rows.findIdentity(tx.store, issuer, subject)
  if (known) return admitKnown(tx, known, proven)
  if (email === null) return { kind: 'email_missing' }
  await rows.deleteDueIdentity(tx.store, issuer, subject)
  await releaseDueAddress(tx.store, email)
  const found = await findUserByEmail(tx.store, email)
  if (!found) return createAccount(tx, email, proven, locale)
  // Locked, so that the state of its proof does not change before it is linked.
  const owner = await lockUser(tx.store, found.id)
  if (owner?.email !== email) throw new ConcurrentChange()
  if (!emailVerified) return { kind: 'unverified', verificationToken: null }
  if (owner.disabledAt) return { kind: 'disabled' }
  if (!isHolderProven(owner)) return takeOver(tx, owner, proven)
  await linkProfile(tx, owner, proven)
  return { kind: 'admitted', user: owner, isNew: false }
}
