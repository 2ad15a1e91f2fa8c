// Tokens and codes in mails: the token of a link and the short code prove the same, expire, and work once.
import { randomUUID } from 'node:crypto'
import { deriveSecret, hashSecret, keyedHash } from '../../crypto/secrets.ts'
import { normalizeEmail } from '../../formats.ts'
import { findUserByEmail, type UserRow } from '../../repositories/accounts/users.ts'
import { insertMailedTokens } from '../../repositories/credentials/mailed-tokens.ts'
import {
  insertToken,
  type Purpose,
  type Redeemed,
  redeemCode,
  redeemToken,
  undoPurposes,
} from '../../repositories/credentials/verification-tokens.ts'
import { type MailDetails, queueMailByEmail } from '../../repositories/mail/mail-queue.ts'
import { recordRefusal } from '../audit/audit.ts'
import { type Context, inTransaction, type Services } from '../context.ts'
import { AuthError, type AuthErrorCode } from '../errors.ts'
import type { Project } from '../projects/projects.ts'
import { codeAttempt } from '../throttling/lockout.ts'
import { takeMailCap } from '../throttling/mail-cap.ts'

/** Wrong attempts on one short code; `codeAttempt` limits those on an account over all its codes. */
export const maxCodeAttempts = 5

const hourSeconds = 3600
const stepUpSeconds = 600
/** Lifetime of the challenge of a second factor, and of the mailed code that answers it. */
export const secondFactorSeconds = 300

/** The token of a link, which must be for `email` if that is given, or a short code with the address to which it was sent. */
export type Proof =
  | { readonly token: string; readonly email?: string }
  | { readonly email: string; readonly code: string }

export interface MailSecrets {
  readonly token: string
  /** Six digits. */
  readonly code: string
  readonly lifetimeSeconds: number
}

export interface MintOptions {
  readonly purpose: Purpose
  /** The address that the token proves, sets or restores. */
  readonly email: string
  /** Id of the only session or challenge in which the code works; default: any client may enter it. */
  readonly boundTo?: string | undefined
}

export interface MailToMint extends MintOptions {
  readonly id: string
  readonly queuedAt: Date
  readonly project: Project
  readonly user: UserRow
}

/**
 * Mints the token of a link.
 * @param options default: to verify the account's address
 * @returns the token for an application that delivers mail itself and presented the project's secret; null elsewhere
 */
export async function mintForApplication(
  ctx: Context,
  user: UserRow,
  options: MintOptions = { purpose: 'verify_email', email: user.email },
): Promise<string | null> {
  return (await mint(ctx, user, options))?.token ?? null
}

/**
 * Mints a code that works only with one session or challenge.
 * @param boundTo the id of that session or challenge
 * @returns six digits for an application that delivers mail itself and presented the project's secret; null elsewhere
 */
export async function mintBoundCode(
  tx: Context,
  user: UserRow,
  purpose: 'step_up' | 'second_factor',
  boundTo: string,
): Promise<string | null> {
  return (await mint(tx, user, { purpose, email: user.email, boundTo }))?.code ?? null
}

/** Mints and stores; null where the service sends the mail itself, or the caller did not present the project's secret. */
async function mint(ctx: Context, user: UserRow, options: MintOptions): Promise<MailSecrets | null> {
  if (ctx.project.policy.verification.delivery !== 'app' || !ctx.caller.provesProject) return null
  const { token, secrets } = derive(ctx.services, ctx.project, user, options, randomUUID())
  await inTransaction(ctx, (tx) => insertToken(tx.store, { ...token, supersedes: true }))
  return secrets
}

/** The result of a request for a proof. */
export interface RequestedProof {
  /** For an application that delivers mail itself and presented the project's secret; null elsewhere. */
  readonly token: string | null
  /** Whether the cap counted a mail that was not queued, because there is no account. */
  readonly isReserved: boolean
}

/**
 * Queues the mail to an address, or mints the token for the application. Sends the same statements with or without an account.
 */
export async function requestProof(
  tx: Context,
  { purpose, email }: { readonly purpose: 'verify_email' | 'reset_password'; readonly email: string },
  details: MailDetails = {},
): Promise<RequestedProof> {
  if (tx.project.policy.verification.delivery === 'email') {
    if ((await takeMailCap(tx, purpose, { email })) > 0) return { token: null, isReserved: false }
    const isQueued = await queueMailByEmail(tx.store, { id: randomUUID(), email, kind: purpose, details })
    return { token: null, isReserved: !isQueued }
  }
  const user = tx.caller.provesProject ? await findUserByEmail(tx.store, email) : null
  const isDue = user && !user.disabledAt && !(purpose === 'verify_email' && user.emailVerifiedAt)
  const token = isDue ? await mintForApplication(tx, user, { purpose, email }) : null
  return { token, isReserved: false }
}

/**
 * Mints the tokens of mails that are about to be sent, in one transaction. A mail always gets the same token, and the newest
 * request for a purpose replaces the others, in whatever order the mails are sent.
 * @returns secrets by the mail's id; a mail without an entry must not be sent, because its token was deleted, used or replaced
 */
export async function mintForMails(
  services: Services,
  mails: readonly MailToMint[],
): Promise<Map<string, MailSecrets>> {
  if (mails.length === 0) return new Map()
  const minted = mails.map(({ id, queuedAt, project, user, purpose, email, boundTo }) => {
    const { token, secrets } = derive(services, project, user, { purpose, email, boundTo }, id)
    return { token: { ...token, projectId: project.id, createdAt: queuedAt }, secrets }
  })
  const tokens = minted.map(({ token }) => token)
  const working = await services.stores.unscoped.transaction((tx) => insertMailedTokens(tx, tokens))
  return new Map(
    minted.flatMap(({ token, secrets }) => (working.has(token.id) ? [[token.id, secrets] as const] : [])),
  )
}

/** Derives the secrets from a UUID, and the row that stores their hashes under that id. */
function derive(
  services: Services,
  project: Project,
  user: UserRow,
  { purpose, email, boundTo }: MintOptions,
  seed: string,
) {
  const { plain, hash, code } = deriveMailSecret(services, project, purpose, seed)
  const lifetimeSeconds = lifetimeOf(project, purpose)
  const binding = boundTo === undefined ? [] : [boundTo]
  const codeHash = hashCode({ services, project }, purpose, email, code, ...binding)
  return {
    token: { id: seed, userId: user.id, purpose, email, tokenHash: hash, codeHash, lifetimeSeconds },
    secrets: { token: plain, code, lifetimeSeconds },
  }
}

function lifetimeOf(project: Project, purpose: Purpose): number {
  if (purpose === 'step_up') return stepUpSeconds
  if (purpose === 'second_factor') return secondFactorSeconds
  if (purpose === 'verify_email') return project.policy.verification.lifetime_seconds
  return undoPurposes.includes(purpose) ? 7 * 24 * hourSeconds : hourSeconds
}

/** The use of a token or code in a mail: the purpose of its row in verification_tokens, or the table with its row. */
export type MailedUse = Purpose | 'register' | 'sign_up' | 'sign_in'

/**
 * Derives the token and code of a mail, so that a mail which is sent twice has the same ones.
 * @param seed identifies the mail
 */
export const deriveMailSecret = (
  { keys }: Services,
  project: Project,
  use: MailedUse,
  ...seed: readonly string[]
) => deriveSecret('verification', keys.mail, project.id, use, ...seed)

/** HMAC of a short code. A plain hash would not do: six digits can be searched. */
export const hashCode = (
  { services, project }: Pick<Context, 'services' | 'project'>,
  use: MailedUse,
  email: string,
  code: string,
  ...boundTo: readonly string[]
) => keyedHash(services.keys.lookup, 'code', project.id, use, email, code, ...boundTo)

/** Refusals after a right proof: of the new password, of the change that it would make, or for want of room to hash. */
const afterRightProof = new Set<AuthErrorCode>(['password_refused', 'overloaded', 'email_change_impossible'])

/**
 * Runs `work`, which redeems a proof. A short code is counted for its account before it is checked; a token of 256 bits is not.
 * @param work gets the proof with its address normalized; returns null or false if the proof is wrong
 * @param attemptFor creates the attempt by which a code is counted
 * @throws AuthError invalid_verification_token, invalid_verification_code, too_many_attempts; and the errors of `work`
 */
export async function withProof<T>(
  ctx: Context,
  given: Proof,
  work: (proof: Proof) => Promise<T | null | false>,
  attemptFor = codeAttempt,
): Promise<T> {
  const proof = given.email === undefined ? given : { ...given, email: normalizeEmail(given.email) }
  const attempt = 'token' in proof ? null : attemptFor(ctx, proof.email)
  await attempt?.reserve()
  const proven = await work(proof).catch(async (error) => {
    if (error instanceof AuthError)
      await (afterRightProof.has(error.code) ? attempt?.release('undecided') : attempt?.commit(error.reason))
    throw error
  })
  if (proven === null || proven === false) {
    const code = 'token' in proof ? 'invalid_verification_token' : 'invalid_verification_code'
    if (attempt) await attempt.commit(code)
    else await recordRefusal(ctx, 'proof_refused', code, { email: proof.email ?? null })
    throw new AuthError(code)
  }
  await attempt?.release('succeeded')
  return proven
}

/**
 * Redeems a proof, once. A wrong code is counted, so the transaction must commit.
 * @param userId the account to which a code must belong; default: any
 * @returns null if the proof is wrong
 */
export function redeemProof(
  tx: Context,
  purpose: Purpose,
  proof: Proof,
  userId?: number,
): Promise<Redeemed | null> {
  if ('token' in proof) return redeemToken(tx.store, purpose, hashSecret(proof.token), proof.email)
  const hash = hashCode(tx, purpose, proof.email, proof.code)
  return redeemCode(tx.store, purpose, proof.email, hash, maxCodeAttempts, userId)
}
