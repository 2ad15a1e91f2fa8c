// How the admin API and webhooks show events, and cursors of the feed.
import type { Static } from '@sinclair/typebox'
import type { Delivery, Event, Webhook } from '../../../schemas/admin/events.ts'
import type { EventRow } from '../../domain/events/events.ts'
import type { DeliveryKey, DeliveryRow, Webhook as WebhookFacts } from '../../domain/events/webhooks.ts'
import { isUuid } from '../../formats.ts'
import { RequestProblem } from '../refusal.ts'

export const eventView = (projectId: string, event: EventRow): Static<typeof Event> => ({
  type: event.type,
  timestamp: event.at.toISOString(),
  project_id: projectId,
  position: event.position,
  subject: event.subject,
  data: event.data,
})

/** The body of a webhook. */
export const printEvent = (projectId: string, event: EventRow): string =>
  JSON.stringify(eventView(projectId, event))

const uuidBytes = (uuid: string) => Buffer.from(uuid.replaceAll('-', ''), 'hex')

/** A cursor of a project's feed: the project and a position, opaque to readers. */
export function printEventCursor(projectId: string, position: number): string {
  const bytes = Buffer.alloc(24)
  uuidBytes(projectId).copy(bytes)
  bytes.writeBigUInt64BE(BigInt(position), 16)
  return bytes.toString('base64url')
}

/** The position in a cursor. @throws RequestProblem validation_failed for one of another project, or none */
export function readEventCursor(projectId: string, cursor: string): number {
  const bytes = Buffer.from(cursor, 'base64url')
  const position = bytes.length === 24 ? Number(bytes.readBigUInt64BE(16)) : Number.NaN
  if (Number.isSafeInteger(position) && printEventCursor(projectId, position) === cursor) return position
  throw new RequestProblem('validation_failed', {
    errors: { after: ['Must be a cursor that this project’s feed has given.'] },
  })
}

export const webhookView = (webhook: WebhookFacts): Static<typeof Webhook> => ({
  id: webhook.id,
  url: webhook.url,
  description: webhook.description,
  types: [...webhook.types],
  failures: webhook.failures,
  disabled_at: webhook.disabledAt?.toISOString() ?? null,
  disabled_reason: webhook.disabledReason,
  created_at: webhook.createdAt.toISOString(),
})

const deliveryMark = 'msg_'
export const printDeliveryId = (id: string) => deliveryMark + id

/** The id in the path of a delivery; null: it can be none. */
export function readDeliveryId(text: string): string | null {
  const id = text.startsWith(deliveryMark) ? text.slice(deliveryMark.length) : ''
  return isUuid(id) ? id : null
}

export const deliveryView = (row: DeliveryRow): Static<typeof Delivery> => ({
  id: printDeliveryId(row.id),
  type: row.type,
  subject: row.subject,
  position: row.position,
  state: row.state,
  attempts: row.attempts,
  next_attempt_at: row.state === 'pending' ? row.dueAt.toISOString() : null,
  last_attempt_at: row.lastAt?.toISOString() ?? null,
  last_status: row.lastStatus,
  last_error: row.lastError,
  created_at: row.createdAt.toISOString(),
})

/** The cursor of the page after a delivery. */
export const printDeliveryCursor = ({ createdAt, position, id }: DeliveryKey): string =>
  Buffer.from(`${createdAt.getTime()} ${position ?? 0} ${id}`).toString('base64url')

/** @throws RequestProblem validation_failed for the cursor of no page */
export function readDeliveryCursor(cursor: string | undefined): DeliveryKey | null {
  if (cursor === undefined) return null
  const [ms = '', position = '', id = ''] = Buffer.from(cursor, 'base64url').toString('latin1').split(' ')
  const key = { createdAt: new Date(Number(ms)), position: Number(position), id }
  const isKey =
    /^\d{1,15}$/.test(ms) && Number(ms) < 253_402_300_800_000 && /^\d{1,15}$/.test(position) && isUuid(id)
  if (isKey && printDeliveryCursor(key) === cursor) return key
  throw new RequestProblem('validation_failed', { errors: { cursor: ['Must be the cursor of a page.'] } })
}
