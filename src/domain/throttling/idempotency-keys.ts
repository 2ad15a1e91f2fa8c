// Idempotency keys: the first request with a key is carried out, and its repetitions get the same answer for a day.
//
// An answer may contain tokens, so the key alone never returns it: a key belongs to one project, operation and signed-in
// user, and to exactly the content of the first request, including a password.
import { randomUUID } from 'node:crypto'
import { seal, unseal } from '../../crypto/seal.ts'
import { keyedHash } from '../../crypto/secrets.ts'
import {
  type Claim,
  deleteClaim,
  findClaimedKey,
  insertClaim,
  updateAnswer,
} from '../../repositories/throttling/idempotency-keys.ts'
import type { Context } from '../context.ts'

export type { Claim }

const lifetimeSeconds = 86_400
/** Seconds until a claimed key without an answer is free again, as after a crash; longer than any request takes. */
const leaseSeconds = 60
/** Attempts to claim a key that is released between insert and look-up. */
const maxTries = 3

export interface IdempotentRequest {
  /** Method and route. The same key text for two operations is two keys. */
  readonly operation: string
  readonly key: string
  /** Null: no user is signed in. */
  readonly userId: number | null
  /** Everything that the answer depends on. It may contain secrets: only its HMAC is stored. */
  readonly content: string
}

/**
 * - `claimed`: carry the request out, then keep its answer or release the claim
 * - `answered`: repeat the answer
 * - `reused`: refuse it, because the key belongs to another request
 * - `in_flight`: refuse it for now, because the same request is being carried out
 */
export type IdempotentOutcome =
  | { readonly kind: 'claimed'; readonly claim: Claim }
  | { readonly kind: 'answered'; readonly answer: string }
  | { readonly kind: 'reused' }
  | { readonly kind: 'in_flight' }

/** Decides what to do with a request. Of concurrent requests with one key, one is carried out. */
export async function beginIdempotent(ctx: Context, request: IdempotentRequest): Promise<IdempotentOutcome> {
  const [newest, ...older] = ctx.services.keys.idempotency
  // Keys claimed before the master secret was replaced.
  for (const key of older) {
    const known = await lookUp(ctx, hashesOf(key, request))
    if (known) return known
  }
  const hashes = hashesOf(newest, request)
  for (let tried = 0; tried < maxTries; tried++) {
    const claim = { keyHash: hashes.keyHash, claim: randomUUID() }
    const wanted = { ...hashes, ...claim, userId: request.userId, leaseSeconds, lifetimeSeconds }
    if (await insertClaim(ctx.store, wanted)) return { kind: 'claimed', claim }
    const known = await lookUp(ctx, hashes)
    if (known) return known
  }
  return { kind: 'in_flight' }
}

/** Stores the answer of a request for its repetitions. */
export function keepAnswer(ctx: Context, claim: Claim, answer: string): Promise<void> {
  const [key] = ctx.services.keys.answers
  const sealed = seal(key, Buffer.from(answer, 'utf8'), sealContext(ctx, claim.keyHash))
  return updateAnswer(ctx.store, claim, sealed)
}

/** Frees the key of a refused request, which may be sent again with the same or other content. */
export function releaseClaim(ctx: Context, claim: Claim): Promise<void> {
  return deleteClaim(ctx.store, claim)
}

function hashesOf(hmacKey: Buffer, { operation, key, userId, content }: IdempotentRequest) {
  const scope = [operation, userId === null ? '' : String(userId), key]
  return {
    keyHash: keyedHash(hmacKey, 'key', ...scope),
    fingerprint: keyedHash(hmacKey, 'content', ...scope, content),
  }
}

/** Decides about a request whose key was claimed before; null: the key is free. */
async function lookUp(
  ctx: Context,
  { keyHash, fingerprint }: ReturnType<typeof hashesOf>,
): Promise<IdempotentOutcome | null> {
  const found = await findClaimedKey(ctx.store, keyHash, fingerprint)
  if (!found) return null
  if (!found.fits) return { kind: 'reused' }
  if (found.answer === null) return found.isLeased ? { kind: 'in_flight' } : null
  const answer = unseal(ctx.services.keys.answers, found.answer, sealContext(ctx, keyHash))
  if (answer === null) throw new Error('An answer cannot be opened with the master secrets that are set.')
  return { kind: 'answered', answer: answer.toString('utf8') }
}

const sealContext = ({ project }: Context, keyHash: Buffer) =>
  `idempotency ${project.id} ${keyHash.toString('hex')}`
