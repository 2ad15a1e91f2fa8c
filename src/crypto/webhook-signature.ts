// Signatures of webhooks by Standard Webhooks, scheme `v1`: HMAC-SHA256 over id, timestamp and body.
import { createHmac, randomBytes } from 'node:crypto'

/** Prefix of a printed secret. */
const mark = 'whsec_'

/** Mints a secret of 32 bytes. */
export const mintWebhookSecret = (): Buffer => randomBytes(32)

/** A secret in the form that receivers get: the prefix and base64. */
export const printWebhookSecret = (secret: Buffer): string => mark + secret.toString('base64')

/**
 * The headers of one delivery attempt, with the signatures that the receiver verifies.
 * @param secrets all sign; during a rotation there are two
 * @param id of the message, the same for every attempt
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
