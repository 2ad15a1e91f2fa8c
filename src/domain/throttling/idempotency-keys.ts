// Idempotency keys: the first request under a key is carried out, its repetitions get the same answer for a day.
//
// An answer may hold tokens, so a key alone never gets it: a key belongs to one project, one operation, one user where
// one is signed in, and to exactly the content of the first request, a password included.
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
/** How long a key waits for a request that may have died; longer than any request takes. */
const leaseSeconds = 60
/** How often a key is tried that is released just while it is looked up. */
const maxTries = 3

export interface IdempotentRequest {
  /** Method and route; the same key for two operations is two keys. */
  readonly operation: string
  readonly key: string
  /** Null: no user is signed in. */
  readonly userId: number | null
  /** Everything that the answer depends on. May hold secrets: only an HMAC of it is stored. */
  readonly content: string
}

/**
 * Carry the request out, then keep its answer or release its claim; repeat an answer; refuse it, because the key belongs
 * to another request; or refuse it for now, because the same one is being carried out.
 */
export type IdempotentOutcome =
  | { readonly kind: 'claimed'; readonly claim: Claim }
  | { readonly kind: 'answered'; readonly answer: string }
  | { readonly kind: 'reused' }
  | { readonly kind: 'in_flight' }

/** Decides what to do with a request; of several at once, one is carried out. */
export async function beginIdempotent(ctx: Context, request: IdempotentRequest): Promise<IdempotentOutcome> {
  const [newest, ...older] = ctx.services.keys.idempotency
  // Keys that were claimed before the master secret was replaced.
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

/** Keeps the answer of a request that was carried out, for its repetitions. */
export function keepAnswer(ctx: Context, claim: Claim, answer: string): Promise<void> {
  const [key] = ctx.services.keys.answers
  const sealed = seal(key, Buffer.from(answer, 'utf8'), sealContext(ctx, claim.keyHash))
  return updateAnswer(ctx.store, claim, sealed)
}

/** Frees the key of a request that was refused: it may be sent again, with another content too. */
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

/** What to do with a request whose key was claimed before; null: the key is free. */
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
