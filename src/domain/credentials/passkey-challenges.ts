// Challenges of passkeys. They are signed instead of stored, so that a client cannot fill a table with them. An answer
// redeems its challenge, once, whether or not the answer is right.
import { randomUUID, timingSafeEqual } from 'node:crypto'
import { hashSecret, keyedHash } from '../../crypto/secrets.ts'
import type { SpentProof } from '../../repositories/credentials/spent-proofs.ts'
import type { Context } from '../context.ts'

const purposes = ['registration', 'upgrade', 'sign_in', 'second_factor', 'step_up'] as const

/** The purpose of a challenge; `upgrade` registers a passkey without a prompt, right after a sign-in by password. */
export type PasskeyPurpose = (typeof purposes)[number]
/** The purposes for which a registered passkey is used. */
export type PasskeyUse = Exclude<PasskeyPurpose, 'registration' | 'upgrade'>

/** Seconds in which an authenticator's answer is accepted; WebAuthn §15.1 advises five to ten minutes. */
export const ceremonySeconds = 600

/** The account and client that must answer a challenge. */
export interface ChallengedClient {
  /** Null: any account. */
  readonly userId: number | null
  /**
   * Id of the sign-in whose second factor is proven; default: the challenge is bound to the session, or without one to the
   * client.
   */
  readonly boundTo?: string | undefined
}

export interface ReadChallenge extends SpentProof {
  /** UUID. */
  readonly flow: string
  readonly purpose: PasskeyPurpose
}

// Layout of a challenge: the flow's UUID, the index of its purpose, its expiry in milliseconds since 1970, and an HMAC-SHA256 of
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

/** Mints a challenge. @returns the challenge in base64url, and the UUID of its flow */
export function mintChallenge(ctx: Context, purpose: PasskeyPurpose, client: ChallengedClient) {
  const { keys, now } = ctx.services
  const flow = randomUUID()
  const head = Buffer.alloc(headBytes)
  head.write(flow.replaceAll('-', ''), 'hex')
  head.writeUInt8(purposes.indexOf(purpose), purposeAt)
  head.writeUIntBE(Math.floor(now()) + ceremonySeconds * 1000, expiryAt, headBytes - expiryAt)
  const signature = sign(keys.flow[0], ctx, client, head)
  return { flow, challenge: Buffer.concat([head, signature]).toString('base64url') }
}

/**
 * Reads a challenge that was signed for this project, account and client and has not expired. It may have been redeemed.
 * @param challenge base64url, as the authenticator signed it
 * @returns null if it was not signed for them, or has expired
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
  // The hash of the bytes, not of the text: base64url can write the same bytes in several ways.
  return { flow, purpose, markHash: hashSecret(bytes.toString('base64url')), expiresAt: new Date(expiresAt) }
}
