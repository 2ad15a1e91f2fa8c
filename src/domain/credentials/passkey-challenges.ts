// Challenges of passkeys: signed and not stored, so that a client that asks for many fills no table. An answer redeems its challenge,
// once, whether or not the answer turns out to be right.
import { randomUUID, timingSafeEqual } from 'node:crypto'
import { hashSecret, keyedHash } from '../../crypto/secrets.ts'
import type { SpentProof } from '../../repositories/credentials/spent-proofs.ts'
import type { Context } from '../context.ts'

const purposes = ['registration', 'upgrade', 'sign_in', 'second_factor', 'step_up'] as const

/** What a challenge is for; `upgrade` registers without asking, right after a sign-in by password. */
export type PasskeyPurpose = (typeof purposes)[number]

/** Seconds in which an authenticator's answer is accepted; WebAuthn §15.1 advises five to ten minutes. */
export const challengeSeconds = 600

/** The account that must answer, and what the asking client is known by. */
export interface ChallengedClient {
  /** Null: any account. */
  readonly userId: number | null
  /** The id of the sign-in that waits for its second factor, which is the only one that may go on; default: the session, or the client. */
  readonly boundTo?: string | undefined
}

export interface ReadChallenge extends SpentProof {
  /** UUID. */
  readonly flow: string
  readonly purpose: PasskeyPurpose
}

// A challenge: the flow's UUID, the purpose's place in the list, the end in milliseconds since 1970, and an HMAC-SHA256 of
// these, the project, the account and the client.
const purposeAt = 16
const expiryAt = 17
const headBytes = 23
const challengeBytes = headBytes + 32

function sign(key: Buffer, { project, actor, caller }: Context, client: ChallengedClient, head: Buffer) {
  const asked =
    client.boundTo !== undefined
      ? ['sign-in', client.boundTo]
      : actor?.sessionId
        ? ['session', actor.sessionId]
        : ['client', caller.client, caller.userAgent ?? '']
  return keyedHash(key, 'passkey-challenge', project.id, `${client.userId ?? ''}`, head, ...asked)
}

/** Makes a challenge. @returns it, in base64url, and the UUID of its flow */
export function mintChallenge(ctx: Context, purpose: PasskeyPurpose, client: ChallengedClient) {
  const { keys, now } = ctx.services
  const flow = randomUUID()
  const head = Buffer.alloc(headBytes)
  head.write(flow.replaceAll('-', ''), 'hex')
  head.writeUInt8(purposes.indexOf(purpose), purposeAt)
  head.writeUIntBE(Math.floor(now()) + challengeSeconds * 1000, expiryAt, headBytes - expiryAt)
  const signature = sign(keys.flow[0], ctx, client, head)
  return { flow, challenge: Buffer.concat([head, signature]).toString('base64url') }
}

/**
 * Reads a challenge that was signed for this project, account and client and is not over. It may have been redeemed.
 * @param challenge base64url, as the authenticator signed it
 */
export function readChallenge(
  ctx: Context,
  challenge: string,
  client: ChallengedClient,
): ReadChallenge | null {
  const bytes = Buffer.from(challenge, 'base64url')
  if (bytes.length !== challengeBytes) return null
  const head = bytes.subarray(0, headBytes)
  const isSigned = ctx.services.keys.flow.some((key) =>
    timingSafeEqual(sign(key, ctx, client, head), bytes.subarray(headBytes)),
  )
  const purpose = purposes[head.readUInt8(purposeAt)]
  const expiresAt = head.readUIntBE(expiryAt, headBytes - expiryAt)
  if (!isSigned || !purpose || !(ctx.services.now() < expiresAt)) return null
  const flow = head.toString('hex', 0, purposeAt).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  // The bytes, not the text: base64url has several spellings of some.
  return { flow, purpose, markHash: hashSecret(bytes.toString('base64url')), expiresAt: new Date(expiresAt) }
}
