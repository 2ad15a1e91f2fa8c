// Signatures of webhooks, by the scheme `v1` of Standard Webhooks: HMAC-SHA256 over id, timestamp and body.
import { createHmac, randomBytes } from 'node:crypto'

/** Before the base64 of a secret. */
const mark = 'whsec_'

/** A new secret: 32 bytes. */
export const mintWebhookSecret = (): Buffer => randomBytes(32)

/** A secret as receivers are given it. */
export const printWebhookSecret = (secret: Buffer): string => mark + secret.toString('base64')

/** What a receiver checks. */
export interface SignedMessage {
  /** The same for every attempt. */
  readonly id: string
  /** Seconds since 1970, of this attempt. */
  readonly timestamp: number
  readonly body: string
}

/**
 * The header `webhook-signature`.
 * @param secrets each signs: during a rotation there are two
 */
export function signWebhook(secrets: readonly Buffer[], { id, timestamp, body }: SignedMessage): string {
  const content = `${id}.${timestamp}.${body}`
  const signatures = secrets.map((secret) => createHmac('sha256', secret).update(content).digest('base64'))
  return signatures.map((signature) => `v1,${signature}`).join(' ')
}
