// How the admin API and webhooks show events, and cursors of the feed.
import type { Static } from '@sinclair/typebox'
import { Delivery, type Event, Webhook } from '../../../schemas/admin/events.ts'
import type { EventRow } from '../../domain/events/events.ts'
import type { DeliveryKey, DeliveryRow } from '../../domain/events/webhooks.ts'
import { isUuid } from '../../formats.ts'
import { invalidField } from '../refusal.ts'
import { viewOf } from '../schema-view.ts'

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
  throw invalidField('after', 'Must be a cursor that this project’s feed has given.')
}

export const webhookView = viewOf(Webhook)

const deliveryMark = 'msg_'
const printDeliveryId = (id: string) => deliveryMark + id

/** The UUID of a delivery in a path; null for any other text. */
export function readDeliveryId(text: string): string | null {
  const id = text.startsWith(deliveryMark) ? text.slice(deliveryMark.length) : ''
  return isUuid(id) ? id : null
}

const showDelivery = viewOf(Delivery)

export const deliveryView = (row: DeliveryRow): Static<typeof Delivery> =>
  showDelivery({
    ...row,
    id: printDeliveryId(row.id),
    nextAttemptAt: row.state === 'pending' ? row.dueAt : null,
    lastAttemptAt: row.lastAt,
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
  throw invalidField('cursor', 'Must be the cursor of a page.')
}
