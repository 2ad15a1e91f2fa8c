// The event feed of a project: each change of users, sessions, teams, keys and factors, once and in order. A reader that continues
// after the last position it has read misses no event. Triggers of the tables write the events; docs/events.md lists them.
import { setTimeout as sleep } from 'node:timers/promises'
import * as rows from '../../repositories/events/events.ts'
import type { Context, Services } from '../context.ts'

export type EventRow = rows.EventRow

/** A page of the feed, or the reason for none: the position is ahead of the feed, or events after it were removed. */
export type EventPage =
  | { readonly kind: 'page'; readonly events: readonly EventRow[]; readonly head: number }
  | { readonly kind: 'ahead' }
  | { readonly kind: 'expired' }

/** Milliseconds between polls while a reader waits. */
const pollMs = 250

export interface EventQuery {
  /** The position of the last event that was read; null: from the oldest event that is kept. */
  readonly after: number | null
  readonly limit: number
  /** Seconds to wait for an event if there is none. */
  readonly waitSeconds: number
}

/**
 * Reads events in order, and waits for one if there is none.
 * @param signal ends the wait
 */
export async function readEvents(ctx: Context, query: EventQuery, signal: AbortSignal): Promise<EventPage> {
  const { store } = ctx
  const until = performance.now() + query.waitSeconds * 1000
  let head = await latestPosition(ctx)
  if ((query.after ?? 0) > head) return { kind: 'ahead' }
  for (;;) {
    const events = await rows.listEvents(store, store.projectId, query.after ?? 0, query.limit)
    const [first] = events
    // Positions have no gaps, except where retention removed events.
    if (first && query.after !== null && first.position > query.after + 1) return { kind: 'expired' }
    if (first) return { kind: 'page', events, head: Math.max(head, events.at(-1)?.position ?? 0) }
    if (query.after !== null && query.after < head) return { kind: 'expired' }
    const grown = await waitForEvent(ctx, head, until, signal)
    if (grown === null) return { kind: 'page', events: [], head }
    head = grown
  }
}

/** Finds the newest position. A reader that has read the current state can begin there. */
export async function latestPosition(ctx: Context): Promise<number> {
  await orderPending(ctx)
  return rows.findHead(ctx.store, ctx.store.projectId)
}

/** Waits until the feed has an event after a position. @returns the newest position; null: the time is over */
async function waitForEvent(
  ctx: Context,
  before: number,
  until: number,
  signal: AbortSignal,
): Promise<number | null> {
  while (performance.now() < until && !signal.aborted) {
    const newest = await poll(ctx)
    if (newest > before) return newest
    // An abort ends the pause and is no failure.
    const pauseMs = Math.max(0, Math.min(pollMs, until - performance.now()))
    await sleep(pauseMs, undefined, { signal }).catch(() => {})
  }
  return null
}

/** Polls by project, which all waiting readers share. */
const polls = new WeakMap<Services['stores'], Map<string, Promise<number>>>()

/** Finds the newest position, at most once per `pollMs` and project. */
function poll(ctx: Context): Promise<number> {
  const { stores } = ctx.services
  const { id } = ctx.project
  const ofStores = polls.get(stores) ?? new Map<string, Promise<number>>()
  polls.set(stores, ofStores)
  const known = ofStores.get(id)
  if (known) return known
  const asked = latestPosition(ctx)
  ofStores.set(id, asked)
  const forget = () => setTimeout(() => ofStores.delete(id), pollMs).unref()
  asked.then(forget, () => ofStores.delete(id))
  return asked
}

/** Assigns positions to the committed events of the project. */
async function orderPending({ store }: Context): Promise<void> {
  while (await rows.hasUnordered(store)) {
    const { isAll } = await store.transaction((tx) => rows.orderEvents(tx, tx.projectId))
    if (isAll) return
  }
}

/** Assigns positions to the committed events of every project. @returns to how many */
export async function orderAllEvents({ stores }: Pick<Services, 'stores'>): Promise<number> {
  let ordered = 0
  for (const projectId of await rows.listUnorderedProjects(stores.unscoped, 1000))
    for (let isAll = false; !isAll; ) {
      const found = await stores.unscoped.transaction((tx) => rows.orderEvents(tx, projectId))
      ordered += found.ordered
      isAll = found.isAll
    }
  return ordered
}
