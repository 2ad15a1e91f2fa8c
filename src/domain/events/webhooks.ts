// Webhooks of a project (Standard Webhooks), as operators manage them.
import { randomUUID } from 'node:crypto'
import { seal, unseal } from '../../crypto/seal.ts'
import { mintWebhookSecret, printWebhookSecret } from '../../crypto/webhook-signature.ts'
import * as deliveries from '../../repositories/events/deliveries.ts'
import * as rows from '../../repositories/events/webhooks.ts'
import { recordAct } from '../audit/operator-acts.ts'
import { inTransaction, type OperatorContext, type Services } from '../context.ts'
import { AuthError } from '../errors.ts'
import { latestPosition } from './events.ts'
import { testType } from './types.ts'

export type { DeliveryKey, DeliveryRow, DeliveryState } from '../../repositories/events/deliveries.ts'

/** Webhooks of a project at most. */
export const maxWebhooks = 50

/** Hours after a rotation in which deliveries are also signed with the former secret. */
export const rotationHours = 24

/** The context to which the seal of a webhook's secret is bound. */
export const sealContext = (id: string) => `webhook/${id}`

export interface WebhookFacts {
  readonly url: string
  readonly description: string
  /** Types of events that are sent; empty: all. */
  readonly types: readonly string[]
}

/** A webhook without its secret. `failures`: attempts in a row that failed. */
export interface Webhook
  extends WebhookFacts,
    Pick<rows.WebhookRow, 'id' | 'createdAt' | 'disabledAt' | 'disabledReason' | 'failures'> {}

/** A webhook and its secret in the form for the receiver. */
export interface WebhookWithSecret {
  readonly webhook: Webhook
  readonly secret: string
}

const shown = ({ types, ...row }: rows.WebhookRow): Webhook => ({
  id: row.id,
  url: row.url,
  description: row.description,
  types: types === '' ? [] : types.split(' '),
  createdAt: row.createdAt,
  disabledAt: row.disabledAt,
  disabledReason: row.disabledReason,
  failures: row.failures,
})

function found(row: rows.WebhookRow | null): Webhook {
  if (!row) throw new AuthError('webhook_unknown')
  return shown(row)
}

/** @throws AuthError webhook_url_refused */
function checkUrl({ project, services }: OperatorContext, url: string): void {
  if (!services.webhookSender.isAllowed(url, project.policy.webhooks.allow_private_network))
    throw new AuthError('webhook_url_refused')
}

export async function listWebhooks(ctx: OperatorContext): Promise<Webhook[]> {
  return (await rows.listWebhooks(ctx.store)).map(shown)
}

/** @throws AuthError webhook_unknown */
export async function findWebhook(ctx: OperatorContext, id: string): Promise<Webhook> {
  return found(await rows.findWebhook(ctx.store, id))
}

/**
 * Adds a webhook for the events from now on.
 * @throws AuthError webhook_url_refused, webhook_limit_reached
 */
export async function createWebhook(ctx: OperatorContext, facts: WebhookFacts): Promise<WebhookWithSecret> {
  checkUrl(ctx, facts.url)
  const position = await latestPosition(ctx)
  const id = randomUUID()
  const secret = mintWebhookSecret()
  const sealed = seal(ctx.services.keys.sealing[0], secret, sealContext(id))
  const webhook = await inTransaction(ctx, async (tx) => {
    if ((await rows.lockWebhooks(tx.store)) >= maxWebhooks) throw new AuthError('webhook_limit_reached')
    const given = { ...facts, types: facts.types.join(' ') }
    const row = await rows.insertWebhook(tx.store, { ...given, id, secret: sealed, position })
    await recordAct(tx.store, tx, tx.project.id, 'webhook_created', { details: { webhook_id: id } })
    return shown(row)
  })
  return { webhook, secret: printWebhookSecret(secret) }
}

/**
 * Changes a webhook. A webhook that is enabled again gets the events from then on.
 * @throws AuthError webhook_unknown, webhook_url_refused
 */
export async function changeWebhook(
  ctx: OperatorContext,
  id: string,
  change: Partial<WebhookFacts> & { readonly enabled?: boolean },
): Promise<Webhook> {
  const { enabled, types, ...facts } = change
  if (facts.url !== undefined) checkUrl(ctx, facts.url)
  const position = enabled ? await latestPosition(ctx) : 0
  return inTransaction(ctx, async (tx) => {
    if (enabled) await rows.enableWebhook(tx.store, id, position)
    if (enabled === false) await rows.disableWebhook(tx.store, id)
    const written = types ? { ...facts, types: types.join(' ') } : facts
    const changed = found(await rows.updateWebhook(tx.store, id, written))
    await recordAct(tx.store, tx, tx.project.id, 'webhook_changed', { details: { webhook_id: id } })
    return changed
  })
}

/** Removes a webhook and its deliveries. @throws AuthError webhook_unknown */
export async function deleteWebhook(ctx: OperatorContext, id: string): Promise<void> {
  await inTransaction(ctx, async (tx) => {
    if (!(await rows.deleteWebhook(tx.store, id))) throw new AuthError('webhook_unknown')
    await recordAct(tx.store, tx, tx.project.id, 'webhook_deleted', { details: { webhook_id: id } })
  })
}

/** Replaces the secret of a webhook; see `rotationHours` for the former one. @throws AuthError webhook_unknown */
export async function rotateWebhookSecret(ctx: OperatorContext, id: string): Promise<WebhookWithSecret> {
  const secret = mintWebhookSecret()
  const sealed = seal(ctx.services.keys.sealing[0], secret, sealContext(id))
  const webhook = await inTransaction(ctx, async (tx) => {
    const row = found(await rows.rotateSecret(tx.store, id, sealed, rotationHours))
    await recordAct(tx.store, tx, tx.project.id, 'webhook_secret_rotated', { details: { webhook_id: id } })
    return row
  })
  return { webhook, secret: printWebhookSecret(secret) }
}

/** Queues a test delivery. @throws AuthError webhook_unknown, webhook_disabled */
export async function testWebhook(ctx: OperatorContext, id: string): Promise<deliveries.DeliveryRow> {
  if ((await findWebhook(ctx, id)).disabledAt) throw new AuthError('webhook_disabled')
  const test = { id: randomUUID(), webhookId: id, type: testType, subject: randomUUID() }
  return deliveries.insertTestDelivery(ctx.store, test)
}

/**
 * Lists deliveries of a webhook, the newest first.
 * @param query.before the last one of the previous page
 * @throws AuthError webhook_unknown
 */
export async function listDeliveries(
  ctx: OperatorContext,
  id: string,
  query: {
    readonly state: deliveries.DeliveryState | null
    readonly before: deliveries.DeliveryKey | null
    readonly limit: number
  },
): Promise<deliveries.DeliveryRow[]> {
  await findWebhook(ctx, id)
  return deliveries.listDeliveries(ctx.store, id, query.state, query.before, query.limit)
}

/** Makes a delivery due again, in any state. @throws AuthError webhook_unknown, delivery_unknown */
export async function retryDelivery(
  ctx: OperatorContext,
  id: string,
  deliveryId: string,
): Promise<deliveries.DeliveryRow> {
  await findWebhook(ctx, id)
  const row = await deliveries.retryDelivery(ctx.store, id, deliveryId)
  if (!row) throw new AuthError('delivery_unknown')
  return row
}

/** Makes every dead delivery of a webhook due again. @returns how many @throws AuthError webhook_unknown */
export async function retryDeadDeliveries(ctx: OperatorContext, id: string): Promise<number> {
  await findWebhook(ctx, id)
  return deliveries.retryDeadDeliveries(ctx.store, id)
}

/** Seals the secrets of all webhooks under the newest key. @returns how many @throws Error if one cannot be opened */
export async function resealWebhooks({ stores, keys }: Pick<Services, 'stores' | 'keys'>): Promise<number> {
  const [newest] = keys.sealing
  let resealed = 0
  for (const { id, secret, formerSecret } of await rows.listSecrets(stores.unscoped)) {
    const sealed = [secret, ...(formerSecret ? [formerSecret] : [])]
    if (sealed.every((one) => unseal([newest], one, sealContext(id)))) continue
    const anew = (one: Buffer) => {
      const opened = unseal(keys.sealing, one, sealContext(id))
      if (!opened) throw new Error(`The secret of webhook ${id} is sealed under another SECRET_KEY.`)
      return seal(newest, opened, sealContext(id))
    }
    const after = { secret: anew(secret), formerSecret: formerSecret && anew(formerSecret) }
    if (await rows.resealSecret(stores.unscoped, id, secret, after)) resealed++
  }
  return resealed
}
