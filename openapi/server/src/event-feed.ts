// Revocation by the event feed: sessions and users that have ended are known here, so that no request asks the service.
// A session that began before the feed was read is asked about once, by introspection.
import type { Session } from './access-token.js'
import { createIntrospection } from './introspection.js'
import type { Revocation } from './revocation.js'
import type { Wire } from './wire.js'

/** Seconds that the service holds a request without an event. */
const waitSeconds = 25

/** The longest life of an access token that a policy allows, with a margin: an ended session is forgotten after it. */
const forgottenMs = 90_000_000

/** Milliseconds without an answer after which the feed counts as behind. */
const behindMs = (waitSeconds + 10) * 1000

interface FeedEvent {
  readonly type: string
  readonly subject: string
  readonly data: { readonly id?: unknown }
}

export interface EventFeedOptions {
  readonly wire: Wire
  readonly projectId: string
  /** Seconds since 1970 on the service's clock. */
  readonly now: () => number
}

/** Opens the feed, and reads it until `close`. */
export function openEventFeed({ wire, projectId, now }: EventFeedOptions): Revocation {
  const introspection = createIntrospection(wire)
  /** Without kept answers, which may be older than the feed's beginning. */
  const uncached = createIntrospection(wire, 0)
  const closing = new AbortController()
  /** Ids of ended sessions and of deleted users, with the time at which they are forgotten. */
  const ended = new Map<string, number>()
  /** Sessions from before the feed's beginning that were active at it or later, with the time at which they are forgotten. */
  const known = new Map<string, number>()
  let after = 'latest'
  /** Seconds of the service; tokens that were issued before are not covered by the feed. */
  let since = Number.POSITIVE_INFINITY
  let answeredAt = Number.NEGATIVE_INFINITY
  let announce = () => {}
  const first = new Promise<void>((resolve) => {
    announce = resolve
  })

  const isCaughtUp = () => since !== Number.POSITIVE_INFINITY && performance.now() - answeredAt < behindMs

  function forget(list: Map<string, number>): void {
    for (const [id, at] of list) {
      if (at > performance.now()) break
      list.delete(id)
    }
  }

  function note(list: Map<string, number>, id: unknown): void {
    if (typeof id !== 'string') return
    list.delete(id)
    list.set(id, performance.now() + forgottenMs)
  }

  async function read(): Promise<void> {
    const starting = after === 'latest'
    const query = starting ? 'after=latest' : `after=${after}&limit=1000&wait=${waitSeconds}`
    const { status, body, headers } = await wire.asProject(
      `/api/admin/projects/${projectId}/events?${query}`,
      {
        timeoutMs: behindMs,
        signal: closing.signal,
      },
    )
    if (status === 410) {
      // Away for longer than events are kept: begins anew, and asks about every session that it does not know.
      after = 'latest'
      since = Number.POSITIVE_INFINITY
      known.clear()
      return
    }
    if (status !== 200) throw new Error(`The event feed was answered with ${status}: ${JSON.stringify(body)}`)
    const { data, next } = body as { data: FeedEvent[]; next: string }
    for (const { type, subject, data: about } of data) {
      if (type === 'session.ended') note(ended, about.id)
      if (type === 'user.deleted') note(ended, subject)
    }
    after = next
    answeredAt = performance.now()
    // One second more, because times in tokens are whole seconds.
    if (starting) since = Math.ceil((Date.parse(headers.get('date') ?? '') || now() * 1000) / 1000) + 1
    for (const list of [ended, known]) forget(list)
    announce()
  }

  async function follow(): Promise<void> {
    for (let failures = 0; !closing.signal.aborted; ) {
      try {
        await read()
        failures = 0
      } catch {
        failures++
        answeredAt = Number.NEGATIVE_INFINITY
        await pause(Math.min(10_000, 250 * 2 ** failures), closing.signal)
      }
    }
  }
  void follow()

  return {
    async hasEnded(session: Session) {
      const { sessionId, userId, issuedAt } = session
      if (ended.has(sessionId) || ended.has(userId)) return true
      if (!isCaughtUp()) return introspection.hasEnded(session)
      if (known.has(sessionId) || issuedAt.getTime() / 1000 > since) return false
      const asked = since
      if (await uncached.hasEnded(session)) return true
      if (asked === since) note(known, sessionId)
      return false
    },
    isCaughtUp,
    ready: () => first,
    close() {
      closing.abort()
      introspection.close()
    },
  }
}

/** Waits, at most until `signal` aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
