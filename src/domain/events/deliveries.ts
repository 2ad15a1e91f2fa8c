// Deliveries of webhooks (Standard Webhooks): created for events, composed as requests, and marked with their outcome.
import { unseal } from '../../crypto/seal.ts'
import { webhookHeaders } from '../../crypto/webhook-signature.ts'
import type { Message, Receipt } from '../../outgoing/webhook-sender.ts'
import * as rows from '../../repositories/events/deliveries.ts'
import { type EventRow, findEvent } from '../../repositories/events/events.ts'
import { markGone } from '../../repositories/events/webhooks.ts'
import type { Services } from '../context.ts'
import { testType } from './types.ts'
import { sealContext } from './webhooks.ts'

export type TakenDelivery = rows.TakenDelivery

/** Seconds after which a failed delivery is given up. */
const lifetimeSeconds = 3 * 86_400
/** Seconds between attempts: the first delay, which doubles with each attempt, and the longest. */
const [firstRetrySeconds, longestRetrySeconds] = [5, 6 * 3600]

/** Prints an event as the body of a webhook. */
export type EventPrinter = (projectId: string, event: EventRow) => string

/** Creates the deliveries of all webhooks for events that have their positions. */
export async function makeDeliveries({ stores }: Pick<Services, 'stores'>): Promise<void> {
  for (const id of await rows.listWebhooksBehind(stores.unscoped, 1000))
    while (await stores.unscoped.transaction((tx) => rows.createDeliveries(tx, id))) {
      // Repeats until the webhook has deliveries for all events.
    }
}

/**
 * Composes the request of one attempt.
 * @returns null: the event was removed by retention
 * @throws Error if the secret is sealed under another SECRET_KEY
 */
export async function composeDelivery(
  { stores, keys, projects }: Pick<Services, 'stores' | 'keys' | 'projects'>,
  { webhook, ...delivery }: TakenDelivery,
  print: EventPrinter,
): Promise<Message | null> {
  const { projectId, position } = delivery
  const event =
    position === null ? testEvent(delivery) : await findEvent(stores.unscoped, projectId, position)
  if (!event) return null
  const secrets = [webhook.secret, ...(webhook.formerSecret ? [webhook.formerSecret] : [])].map((sealed) => {
    const opened = unseal(keys.sealing, sealed, sealContext(delivery.webhookId))
    if (!opened) throw new Error('The secret of a webhook is sealed under another SECRET_KEY.')
    return opened
  })
  const body = print(projectId, event)
  const { policy } = await projects.getAny(projectId)
  return {
    url: webhook.url,
    headers: webhookHeaders(secrets, `msg_${delivery.id}`, body),
    body,
    allowPrivateNetwork: policy.webhooks.allow_private_network,
  }
}

const testEvent = ({ createdAt, subject }: rows.DeliveryRow): EventRow => ({
  position: 0,
  at: createdAt,
  type: testType,
  subject,
  data: { message: 'This is a test of the webhook.' },
})

/** The outcome of an attempt; dead: it failed, and there are no more attempts. */
export type Outcome = 'sent' | 'failed' | 'dead'

/** Marks a delivery after an attempt. A response 410 Gone disables the webhook. */
export async function finishDelivery(
  { stores }: Pick<Services, 'stores'>,
  delivery: TakenDelivery,
  receipt: Receipt,
): Promise<Outcome> {
  const { unscoped } = stores
  const status = 'status' in receipt ? receipt.status : null
  if (status !== null && status >= 200 && status < 300) {
    await unscoped.transaction((tx) => rows.markSent(tx, delivery, status))
    return 'sent'
  }
  if (status === 410) await markGone(unscoped, delivery.webhookId)
  const error = 'error' in receipt ? receipt.error : `The receiver answered ${receipt.status}.`
  const outcome = { status, error, retrySeconds: delayAfter(delivery.attempts), lifetimeSeconds }
  const state = await unscoped.transaction((tx) => rows.markFailed(tx, delivery, outcome))
  return state === 'dead' ? 'dead' : 'failed'
}

/** Seconds until the next attempt, with a random deviation of up to 20 %. */
function delayAfter(attempts: number): number {
  const seconds = Math.min(firstRetrySeconds * 2 ** (attempts - 1), longestRetrySeconds)
  return Math.max(1, Math.round(seconds * (0.8 + Math.random() * 0.4)))
}
