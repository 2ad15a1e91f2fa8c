// Signatures of webhooks, by the scheme `v1` of Standard Webhooks: HMAC-SHA256 over id, timestamp and body.
import { createHmac, randomBytes } from 'node:crypto'

/** Before the base64 of a secret. */
const mark = 'whsec_'

/** A new secret: 32 bytes. */
export const mintWebhookSecret = (): Buffer => randomBytes(32)

/** A secret as receivers are given it. */
export const printWebhookSecret = (secret: Buffer): string => mark + secret.toString('base64')

/**
 * The headers of one attempt to deliver a message, by which its receiver verifies it.
 * @param secrets each signs: during a rotation there are two
 * @param id the same for every attempt
 * @param body JSON, as it is sent
 */
export function webhookHeaders(secrets: readonly Buffer[], id: string, body: string): Record<string, string> {
  const timestamp = Math.floor(Date.now() / 1000)
  const content = `${id}.${timestamp}.${body}`
  const signatures = secrets.map((secret) => createHmac('sha256', secret).update(content).digest('base64'))
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.map((signature) => `v1,${signature}`).join(' '),
  }
}
