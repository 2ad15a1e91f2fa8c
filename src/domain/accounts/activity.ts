// The activity of an account: its audit trail, as its owner reads it.
import { type AuditRow, listAuditEvents } from '../../repositories/audit/audit-events.ts'
import type { ActorContext } from '../context.ts'

export interface ActivityPage {
  readonly events: readonly AuditRow[]
  /** The `before` of the next page; null at the end. */
  readonly before: number | null
}

/** Lists a page of the actor's audit trail, the newest first, from the event before the id `page.before` on. */
export async function listActivity(
  ctx: ActorContext,
  page: { readonly before: number | null; readonly limit: number },
): Promise<ActivityPage> {
  const { before, limit } = page
  const events = await ctx.store.readLate((db) => listAuditEvents(db, ctx.actor.user.id, before, limit + 1))
  const shown = events.slice(0, limit)
  return { events: shown, before: events.length > limit ? (shown.at(-1)?.id ?? null) : null }
}
