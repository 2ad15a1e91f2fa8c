// The activity of an account: its audit trail, for its owner.
import { type AuditRow, listAuditEvents } from '../../repositories/audit/audit-events.ts'
import type { ActorContext } from '../context.ts'

export interface ActivityPage {
  readonly events: readonly AuditRow[]
  /** Id to pass as `before` for the next page; null on the last one. */
  readonly before: number | null
}

/**
 * Lists a page of the actor's audit trail, newest first.
 * @param page.before id of an event: the page begins with the event before it; null: with the newest
 */
export async function listActivity(
  ctx: ActorContext,
  page: { readonly before: number | null; readonly limit: number },
): Promise<ActivityPage> {
  const { before, limit } = page
  const events = await ctx.store.readLate((db) => listAuditEvents(db, ctx.actor.user.id, before, limit + 1))
  const shown = events.slice(0, limit)
  return { events: shown, before: events.length > limit ? (shown.at(-1)?.id ?? null) : null }
}
