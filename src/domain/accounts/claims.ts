// Claims on an address: a sign-up opens one if the project demands proof of the address, and the proof turns it into the account.
//
// The typed data belongs to the token that was mailed for it. Proving that token creates exactly that account and voids every
// other claim on the address. An address with a proven account gets a claim too, which cannot be proven; its owner gets
// another mail.
import { randomBytes, randomUUID } from 'node:crypto'
import { hashSecret, keyedHash } from '../../crypto/secrets.ts'
import * as rows from '../../repositories/accounts/claims.ts'
import { releaseDueAddress } from '../../repositories/accounts/deletion.ts'
import {
  type EmailProof,
  findUserByEmail,
  lockUser,
  newProfile,
  type ProfileChange,
  proven,
  type UserRow,
  updateLockedUser,
} from '../../repositories/accounts/users.ts'
import { insertUsedToken } from '../../repositories/credentials/verification-tokens.ts'
import { queueMailOfClaim } from '../../repositories/mail/mail-queue.ts'
import { findIdentity, insertIdentity } from '../../repositories/social/identities.ts'
import { shownCaller } from '../actor.ts'
import { record } from '../audit/audit.ts'
import type { Context, Services } from '../context.ts'
import { claimTokenForApplication, deriveClaimSecrets, hashClaimedPassword } from '../credentials/claims.ts'
import { hashCode, type MailSecrets, maxCodeAttempts, type Proof } from '../credentials/mailed-tokens.ts'
import { AuthError } from '../errors.ts'
import { queueNotice } from '../mail/notify.ts'
import type { Project } from '../projects/projects.ts'
import { takeMailCap } from '../throttling/mail-cap.ts'
import { takeMailCooldown } from '../throttling/mail-cooldown.ts'
import { applyLifecycle } from './lifecycle.ts'

/** Maximum of open claims on one address. */
const maxClaims = 20

export interface ClaimFacts extends ProfileChange {
  /** Normalized. */
  readonly email: string
  /** From `hashClaimedPassword`; null: the account gets an identity instead. */
  readonly passwordHash: string | null
  readonly identity?: rows.ClaimRow['identity']
}

export interface OpenedClaim {
  /** The account as it will be created. */
  readonly user: UserRow
  /** For an application that delivers mail itself and presented the project's secret; null otherwise. */
  readonly token: string | null
}

/**
 * Opens a claim and queues the mail with its proof. The owner of a proven account with that address gets another mail instead.
 * Sends the same statements whether or not the address is taken.
 */
export async function openClaim(tx: Context, facts: ClaimFacts): Promise<OpenedClaim> {
  const { email } = facts
  const { delivery } = tx.project.policy.verification
  const waitSeconds = await takeMailCooldown(tx, 'sign_up', email)
  // Taken and free addresses are counted and capped in the same way.
  const isCapped = (await takeMailCap(tx, 'verify_email', { email })) > 0
  const claim = await insertClaim(tx, facts, isCapped)
  await rows.pruneClaims(tx.store, email, maxClaims)
  const owner = await findUserByEmail(tx.store, email)
  if (delivery === 'email' && !isCapped) {
    if (!owner?.emailVerifiedAt) await queueClaim(tx, claim, email, facts.locale ?? null)
    else if (waitSeconds === 0) await queueNotice(tx, 'address_taken', { user: owner })
    // Within the cooldown: a statement in place of the one that would queue the mail, so that the number is the same.
    else await findUserByEmail(tx.store, email)
  }
  return { user: claimedUser(claim), token: claimTokenForApplication(tx, claim) }
}

/** @param isCapped whether its mail is not sent; then no proof fits it until `requestClaimProof` */
function insertClaim(
  tx: Context,
  { email, passwordHash, identity = null, ...profile }: ClaimFacts,
  isCapped: boolean,
): Promise<rows.ClaimRow> {
  const { lifetime_seconds: lifetimeSeconds } = tx.project.policy.verification
  const id = randomUUID()
  const { tokenHash, codeHash } = hashesOf(tx, email, { id, serial: 0 })
  // A code that nobody was sent could only be guessed, and the owner of the address would not notice.
  const kept = (hash: Buffer) => (isCapped ? randomBytes(hash.length) : hash)
  return rows.insertClaim(tx.store, {
    ...newProfile(profile),
    id,
    email,
    passwordHash,
    identity,
    userUuid: randomUUID(),
    tokenHash: kept(tokenHash),
    codeHash: kept(codeHash),
    clientKey: clientKey(tx),
    lifetimeSeconds,
  })
}

/** Key of the client's network, which all addresses of the network share. */
const clientKey = ({ services, caller }: Context) =>
  keyedHash(services.keys.lookup, 'network', caller.addressPrefix ?? caller.address)

function hashesOf(tx: Context, email: string, claim: rows.ClaimKey) {
  const { hash: tokenHash, code } = deriveClaimSecrets(tx.services, tx.project, claim)
  return { tokenHash, codeHash: hashCode(tx, 'sign_up', email, code) }
}

function queueClaim(tx: Context, claim: rows.ClaimKey, email: string, locale: string | null): Promise<void> {
  return queueMailOfClaim(tx.store, claim, email, {
    ...shownCaller(tx.caller),
    ...(locale ? { locale } : {}),
  })
}

/**
 * Replaces the secrets of the newest claim on an address, preferring claims of this client, and queues its mail again. If the
 * cap allows no mail, the secrets of the last mail stay valid.
 * @param isReserved whether the cap has already counted a mail for this recipient that was not queued
 * @returns the token, as `openClaim`
 */
export async function requestClaimProof(
  tx: Context,
  email: string,
  isReserved: boolean,
): Promise<string | null> {
  const { delivery, lifetime_seconds: lifetimeSeconds } = tx.project.policy.verification
  if (delivery === 'app' && !tx.caller.provesProject) return null
  const claim = await rows.findNewestClaim(tx.store, email, clientKey(tx))
  if (!claim) return null
  if (!isReserved && (await takeMailCap(tx, 'verify_email', { email })) > 0) return null
  const next = { id: claim.id, serial: claim.serial + 1 }
  const secrets = { ...hashesOf(tx, email, next), lifetimeSeconds }
  // Of two concurrent requests, the second leaves the first one's mail as it is.
  if (!(await rows.replaceClaimSecrets(tx.store, claim, secrets))) return null
  if (delivery === 'email') await queueClaim(tx, next, email, null)
  return claimTokenForApplication(tx, next)
}

/** Finds the open claim of a provider's identity on an address, as the account that it would become; null if there is none. */
export async function findClaimOfIdentity(
  tx: Context,
  email: string,
  { issuer, subject }: { readonly issuer: string; readonly subject: string },
): Promise<OpenedClaim | null> {
  const claim = await rows.findClaimByIdentity(tx.store, email, issuer, subject)
  return claim && { user: claimedUser(claim), token: claimTokenForApplication(tx, claim) }
}

/**
 * Mints the secrets of mails that are about to be sent, and starts the lifetime of each claim.
 * @returns secrets by the mail's id; a mail without an entry must not be sent: its claim was proven, voided or dropped
 */
export async function mintForClaims(
  services: Services,
  mails: readonly { readonly id: string; readonly claim: rows.ClaimKey; readonly project: Project }[],
): Promise<Map<string, MailSecrets>> {
  const minted = new Map<string, MailSecrets>()
  for (const { id, claim, project } of mails) {
    const { lifetime_seconds: lifetimeSeconds } = project.policy.verification
    const { plain: token, code } = deriveClaimSecrets(services, project, claim)
    if (await rows.renewClaim(services.stores.forProject(project.id), claim, lifetimeSeconds))
      minted.set(id, { token, code, lifetimeSeconds })
  }
  return minted
}

/**
 * Proves a claim, once, in a transaction that must commit. Creates its account, or hands over an unproven account of the address,
 * and voids every other claim on the address.
 * @param typedHash the password typed with the proof, by `hashTypedPassword`; null: none
 * @throws AuthError wrong_current_password; the claim stays
 * @returns null if the proof fits no claim, or the address has a proven or disabled account
 */
export async function proveClaim(
  tx: Context,
  proof: Proof,
  typedHash: string | null,
): Promise<UserRow | null> {
  const email = await findClaimed(tx, proof)
  if (email === null || (proof.email !== undefined && proof.email !== email)) return null
  // Of two claims that are proven at the same time, the second waits here and then no longer exists.
  const open = await rows.lockClaims(tx.store, email)
  // If two claims have the same short code, it proves neither. Their links still do.
  const [claim, another] = open.filter(fits(tx, email, proof))
  if (!claim || another) {
    if ('code' in proof) await rows.countWrongCode(tx.store, email, maxCodeAttempts)
    return null
  }
  if (typedHash !== null && claim.passwordHash !== typedHash) throw new AuthError('wrong_current_password')
  const user = await makeAccount(tx, claim, typedHash === null ? 'claim' : 'holder')
  if (!user) return null
  await rows.deleteClaims(tx.store, email)
  // The page of the link can then say that the address is proven.
  const { id, tokenHash, codeHash, expiresAt } = claim
  const token = { id, userId: user.id, email, tokenHash, codeHash, expiresAt }
  await insertUsedToken(tx.store, { ...token, purpose: 'verify_email' })
  return user
}

/** The address whose claims the proof may fit; null: none. */
async function findClaimed(ctx: Context, proof: Proof): Promise<string | null> {
  return 'token' in proof ? rows.findClaimedAddress(ctx.store, hashSecret(proof.token)) : proof.email
}

/** Hashes a password typed with the proof of a claim, before the transaction; null if the proof fits no claim. */
export async function hashTypedPassword(
  ctx: Context,
  proof: Proof,
  password: string,
): Promise<string | null> {
  const email = await findClaimed(ctx, proof)
  return email === null ? null : hashClaimedPassword(ctx, email, password)
}

function fits(tx: Context, email: string, proof: Proof): (claim: rows.ClaimRow) => boolean {
  if ('token' in proof) {
    const hash = hashSecret(proof.token)
    return ({ tokenHash }) => hash.equals(tokenHash)
  }
  const hash = hashCode(tx, 'sign_up', email, proof.code)
  return (claim) => claim.codeAttempts < maxCodeAttempts && hash.equals(claim.codeHash)
}

async function makeAccount(tx: Context, claim: rows.ClaimRow, by: EmailProof): Promise<UserRow | null> {
  await releaseDueAddress(tx.store, claim.email)
  const user = (await rows.insertClaimedUser(tx.store, claim, by)) ?? (await replaceUnproven(tx, claim, by))
  if (!user) return null
  const { identity } = claim
  // If the identity has been linked to another account since, the owner signs in after a password reset.
  if (identity && !(await findIdentity(tx.store, identity.issuer, identity.subject)))
    await insertIdentity(tx.store, {
      ...identity,
      id: randomUUID(),
      userId: user.id,
      email: claim.email,
      emailVerified: false,
    })
  await record(tx, 'signed_up', { userId: user.id })
  await record(tx, 'email_verified', { userId: user.id })
  return user
}

/** Hands the unproven account of the address over to the owner of the claim, and ends every former way to sign in to it. */
async function replaceUnproven(tx: Context, claim: rows.ClaimRow, by: EmailProof): Promise<UserRow | null> {
  const found = await findUserByEmail(tx.store, claim.email)
  const owner = found && (await lockUser(tx.store, found.id))
  if (owner?.email !== claim.email || owner.emailVerifiedAt || owner.disabledAt) return null
  await applyLifecycle(tx, 'claim_proven', owner)
  const { passwordHash, identity } = claim
  return updateLockedUser(tx.store, owner.id, {
    ...newProfile(claim),
    passwordHash,
    provider: identity?.provider ?? null,
    ...proven(by),
    deletionDueAt: null,
  })
}

/** Voids the claim with this token, for an owner of the address who did not sign up. @returns whether there was one */
export function voidClaim(ctx: Context, token: string): Promise<boolean> {
  return rows.deleteClaimByToken(ctx.store, hashSecret(token))
}

/** The account that a claim will become. */
function claimedUser(claim: rows.ClaimRow): UserRow {
  const { projectId, email, userId, userUuid, createdAt } = claim
  return {
    ...{
      ...newProfile(claim),
      projectId,
      email,
      createdAt,
      id: userId,
      uuid: userUuid,
      updatedAt: createdAt,
    },
    emailVerifiedAt: null,
    emailProof: null,
    role: 'user',
    provider: claim.identity?.provider ?? null,
    avatarId: null,
    deletionDueAt: null,
    epoch: 0,
    disabledAt: null,
    secondFactors: '',
    factorsResetDueAt: null,
  }
}
