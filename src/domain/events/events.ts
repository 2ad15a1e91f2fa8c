// The ordered feed of a project: every change of users, sessions, teams, keys and factors, once, in an order in which a reader
// never finds an event before one that it has read. The tables write the events; docs/events.md says which.

import { setTimeout as sleep } from 'node:timers/promises'
import * as rows from '../../repositories/events/events.ts'
import type { Context, Services } from '../context.ts'

export type EventRow = rows.EventRow

/** A page of the feed, or why there is none: the position lies in the future, or events after it were removed. */
export type EventPage =
  | { readonly kind: 'page'; readonly events: readonly EventRow[]; readonly head: number }
  | { readonly kind: 'ahead' }
  | { readonly kind: 'expired' }

/** Milliseconds between looks while a reader waits. */
const lookMs = 250

export interface EventQuery {
  /** The position of the last event that was read; null: from the oldest one that is kept. */
  readonly after: number | null
  readonly limit: number
  /** Seconds to wait for an event where there is none. */
  readonly waitSeconds: number
}

/**
 * Reads events in order.
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
    // Positions have no gap but the one that retention makes.
    if (first && query.after !== null && first.position > query.after + 1) return { kind: 'expired' }
    if (first) return { kind: 'page', events, head: Math.max(head, events.at(-1)?.position ?? 0) }
    if (query.after !== null && query.after < head) return { kind: 'expired' }
    const grown = await waitForEvent(ctx, head, until, signal)
    if (grown === null) return { kind: 'page', events: [], head }
    head = grown
  }
}

/** The newest position, from which a reader may begin who has read the present state. */
export async function latestPosition(ctx: Context): Promise<number> {
  await orderPending(ctx)
  return rows.findHead(ctx.store, ctx.store.projectId)
}

/** Waits until the feed has grown beyond a position. @returns its newest one; null when the time is over */
async function waitForEvent(
  ctx: Context,
  before: number,
  until: number,
  signal: AbortSignal,
): Promise<number | null> {
  while (performance.now() < until && !signal.aborted) {
    const newest = await look(ctx)
    if (newest > before) return newest
    // Aborting ends the pause; it is no failure.
    const pauseMs = Math.max(0, Math.min(lookMs, until - performance.now()))
    await sleep(pauseMs, undefined, { signal }).catch(() => {})
  }
  return null
}

/** Looks that are under way, by project: however many readers wait, they ask once. */
const looks = new WeakMap<Services['stores'], Map<string, Promise<number>>>()

/** The newest position, asked at most once in `lookMs` for each project. */
function look(ctx: Context): Promise<number> {
  const { stores } = ctx.services
  const { id } = ctx.project
  const ofStores = looks.get(stores) ?? new Map<string, Promise<number>>()
  looks.set(stores, ofStores)
  const known = ofStores.get(id)
  if (known) return known
  const asked = latestPosition(ctx)
  ofStores.set(id, asked)
  const forget = () => setTimeout(() => ofStores.delete(id), lookMs).unref()
  asked.then(forget, () => ofStores.delete(id))
  return asked
}

/** Gives the committed events of the project their positions. */
async function orderPending({ store }: Context): Promise<void> {
  while (await rows.hasUnordered(store)) {
    const { isAll } = await store.transaction((tx) => rows.orderEvents(tx, tx.projectId))
    if (isAll) return
  }
}

/** Gives the committed events of every project their positions. @returns how many there were */
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
