// Requests that may be sent again: the first is carried out, and its repetitions get its answer, for a day.
//
// An answer may hold what opens an account, so a key alone never gets it: it belongs to one project, one operation, one
// user where somebody is signed in, and to exactly what the first request said, a password included.
import { randomUUID } from 'node:crypto'
import { seal, unseal } from '../crypto/seal.ts'
import { keyedHash } from '../crypto/secrets.ts'
import type { Claim } from '../repositories/idempotency-keys.ts'
import type { Store } from '../repositories/store.ts'
import type { Project } from './projects.ts'

/** How long an answer is kept. */
const lifetimeSeconds = 86_400
/** How long a key waits for a request that may have died; longer than any request takes. */
const leaseSeconds = 60
/** Times that a key is tried which its holder gives back while it is looked at. */
const attempts = 3

export interface RepeatableRequest {
  /** What is asked for; the same key for two operations is two keys. */
  readonly operation: string
  readonly key: string
  /** Who is signed in; null: nobody. */
  readonly userId: number | null
  /** Everything that the answer depends on. Secrets are welcome: only an HMAC rests. */
  readonly content: string
}

/**
 * What to do with a request: carry it out and then `keep` or `release` its claim; repeat an answer; refuse it, because
 * the key stands for another request; or refuse it for now, because the same one is being carried out.
 */
export type Standing =
  | { readonly kind: 'claimed'; readonly claim: Claim }
  | { readonly kind: 'answered'; readonly answer: string }
  | { readonly kind: 'reused' }
  | { readonly kind: 'in_flight' }

interface Means {
  readonly store: Store
  /** 32 bytes each, newest first; hide keys and requests. */
  readonly fingerprintKeys: readonly [Buffer, ...Buffer[]]
  /** 32 bytes each, newest first; seal answers. */
  readonly answerKeys: readonly [Buffer, ...Buffer[]]
}

export function createIdempotencyKeys({ store, fingerprintKeys, answerKeys }: Means) {
  const keys = store.idempotencyKeys
  const contextOf = ({ projectId, keyHash }: Claim) => `idempotency ${projectId} ${keyHash.toString('hex')}`

  /** How a request is known under one of our keys. */
  function marksOf(hmacKey: Buffer, { operation, key, userId, content }: RepeatableRequest) {
    const scope = [operation, userId === null ? '' : String(userId), key]
    return {
      keyHash: keyedHash(hmacKey, 'key', ...scope),
      fingerprint: keyedHash(hmacKey, 'content', ...scope, content),
    }
  }

  /** Where a request stands with a key that was claimed before; null: nobody has it any more. */
  async function look(projectId: string, marks: ReturnType<typeof marksOf>): Promise<Standing | null> {
    const found = await keys.look(projectId, marks.keyHash, marks.fingerprint)
    if (!found) return null
    if (!found.fits) return { kind: 'reused' }
    if (found.answer === null) return found.isLeased ? { kind: 'in_flight' } : null
    const context = contextOf({ projectId, keyHash: marks.keyHash, claim: '' })
    const answer = unseal(answerKeys, found.answer, context)
    if (answer === null) throw new Error('An answer cannot be opened with the master secrets that are set.')
    return { kind: 'answered', answer: answer.toString('utf8') }
  }

  return {
    /** Says what to do with a request; of many at once one is carried out. */
    async begin(project: Project, request: RepeatableRequest): Promise<Standing> {
      const [newest, ...older] = fingerprintKeys
      // What was claimed before the master secret was replaced.
      for (const key of older) {
        const standing = await look(project.id, marksOf(key, request))
        if (standing) return standing
      }
      const marks = marksOf(newest, request)
      for (let attempt = 1; attempt <= attempts; attempt++) {
        const claim = { projectId: project.id, keyHash: marks.keyHash, claim: randomUUID() }
        const { userId } = request
        const lasting = { leaseSeconds, lifetimeSeconds }
        if (await keys.claim({ ...claim, ...lasting, userId, fingerprint: marks.fingerprint }))
          return { kind: 'claimed', claim }
        const standing = await look(project.id, marks)
        if (standing) return standing
      }
      return { kind: 'in_flight' }
    },

    /** Keeps the answer of a request that was carried out, for its repetitions. */
    keep(claim: Claim, answer: string): Promise<void> {
      return keys.answer(claim, seal(answerKeys[0], Buffer.from(answer, 'utf8'), contextOf(claim)))
    },

    /** Gives a key back: the request was refused, and may be sent again, in other words too. */
    release(claim: Claim): Promise<void> {
      return keys.release(claim)
    },
  }
}

export type IdempotencyKeys = ReturnType<typeof createIdempotencyKeys>
