// The session of one client: kept, refreshed once for all who wait, shared with other tabs and processes, and given up
// only when the service has refused its refresh token.
import { ApiError, AuthenticationError } from './errors.js'
import { elapsed, type Held, type Known, print, read, type TokenStorage } from './storage.js'
import { type Change, type Channel, exclusively, openChannel } from './tabs.js'
import type { Call } from './transport.js'

export type AuthEvent = 'signed_in' | 'token_refreshed' | 'signed_out' | 'auth_error'

/** What happened, the session as it is now (null: signed out), and for `auth_error` and a lost session the reason. */
export type AuthListener = (event: AuthEvent, session: Known | null, error?: Error) => void

export interface SessionOptions {
  readonly send: (call: Call) => Promise<unknown>
  readonly cookies: boolean
  readonly autoRefresh: boolean
  readonly storage: TokenStorage
  /** Whether others see the same storage: tabs, processes. */
  readonly shared: boolean
  /** The name of this session in the storage and among the tabs. */
  readonly key: string
  readonly timeoutMs: number
  /** What the application was given: used until the storage knows better. */
  readonly initial: Known | null
}

/** Refreshed this long before the end, or after nine tenths of a short life. */
const aheadMs = 30_000

/** So long after a change an empty storage may be one that has not seen it yet. */
const settledMs = 2000

/** How often a refused refresh is tried again with what another process has stored meanwhile. */
const maxAdoptions = 3

export type Sessions = ReturnType<typeof createSessions>

export function createSessions(options: SessionOptions) {
  const { send, cookies, storage, key } = options
  const listeners = new Set<AuthListener>()
  /** undefined: the storage has not been read yet. */
  let held: Held | null | undefined
  let loading: Promise<void> | undefined
  let flight: Promise<{ adopted: boolean } | null> | undefined
  let turn: Promise<unknown> = Promise.resolve()
  /** A storage that could not be written is behind, so it is written again instead of believed. */
  let unsaved = false
  let over = false
  /** When `held` became what it is, and the stamp of the last session that ended. */
  let changedAt = 0
  let ended: string | undefined
  const channel: Channel | null = options.shared
    ? openChannel(key, (change) => void inTurn(() => hear(change)))
    : null

  /** Tells sessions apart: each refresh makes another. */
  const stamp = (of: Held | null | undefined) => of?.session.access_token ?? of?.session.expires_at

  function isEnding(of: Held): boolean {
    if (!cookies && !of.session.access_token) return true
    const lifeMs = (of.session.expires_in ?? Number.POSITIVE_INFINITY) * 1000
    return elapsed() - of.since >= lifeMs - Math.min(aheadMs, lifeMs / 10)
  }

  function emit(event: AuthEvent, error?: Error): void {
    const session = held?.session ?? null
    // Later, and apart: what a listener does or throws is no business of the call that caused it.
    for (const listener of listeners) Promise.resolve().then(() => listener(event, session, error))
  }

  /** One at a time, in this client. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work)
    turn = result.catch(() => {})
    return result
  }

  /** One at a time, in this client and in every tab. */
  const exclusive = <T>(work: () => Promise<T>): Promise<T> =>
    inTurn(() => (options.shared ? exclusively(key, 2 * options.timeoutMs, work) : work()))

  /** The storage as far as it can be believed: a browser may show what another tab has written only later. */
  async function look(): Promise<Held | null> {
    let found: Held | null
    try {
      found = read(await storage.getItem(key))
    } catch {
      // A storage that cannot be read has not lost what we hold.
      return held ?? null
    }
    if (!found) return Date.now() - changedAt < settledMs ? (held ?? null) : null
    if (ended && stamp(found) === ended) return null
    const { user, expires_at } = held?.session ?? {}
    const older =
      found.session.user?.uuid === user?.uuid && String(found.session.expires_at) < String(expires_at)
    return held && older ? held : found
  }

  async function save(next: Held | null): Promise<void> {
    change(next, Date.now())
    const text = next && print(next)
    try {
      await (text ? storage.setItem(key, text) : storage.removeItem(key))
      unsaved = false
    } catch (error) {
      unsaved = true
      emit('auth_error', error as Error)
    }
    channel?.tell({ text, at: changedAt })
  }

  function change(next: Held | null, at: number): void {
    if (!next) ended = stamp(held)
    held = next
    over = !next
    changedAt = at
  }

  /** Takes over what another tab or process has made current. */
  function adopt(found: Held | null, at: number): void {
    if (stamp(found) === stamp(held)) return
    const before = held
    change(found, at)
    const same = before?.session.user?.uuid === found?.session.user?.uuid
    emit(!found ? 'signed_out' : before && same ? 'token_refreshed' : 'signed_in')
  }

  async function hear({ text, at }: Change): Promise<void> {
    await load()
    if (at >= changedAt) adopt(read(text), at)
  }

  async function sync(): Promise<void> {
    await load()
    if (unsaved) return save(held ?? null)
    adopt(await look(), changedAt)
  }

  /** Reads the storage, once. */
  function load(): Promise<void> {
    loading ??= look().then(async (found) => {
      held = found
      if (!found && options.initial) await save({ session: options.initial, since: elapsed() })
    })
    return loading
  }

  /** Knows the session as well as this client can; where there is none, another tab may have begun one. */
  async function ready(): Promise<void> {
    await load()
    if (!held && options.shared) await inTurn(sync)
  }

  const canRefresh = () => (cookies ? !over : Boolean(held?.session.refresh_token))

  /** Keeps what a refresh has brought, unless somebody was faster. */
  async function keepRefreshed(session: Known, presented: string | undefined, since: number): Promise<void> {
    const found = unsaved ? held : await look()
    // Signed out elsewhere meanwhile: that stands.
    if (!found && held) return drop()
    const other = found && found.session.refresh_token !== presented ? found.session : null
    const newer =
      other &&
      (other.user?.uuid !== session.user?.uuid || String(other.expires_at) > String(session.expires_at))
    if (newer && found) change(found, changedAt)
    else await save({ session, since })
    emit('token_refreshed')
  }

  async function drop(error?: Error): Promise<void> {
    const known = held
    await save(null)
    if (known) emit('signed_out', error)
  }

  async function exchange(stale: string | undefined): Promise<{ adopted: boolean } | null> {
    for (let adoptions = 0; ; adoptions++) {
      await sync()
      if (held && stamp(held) !== stale && !isEnding(held)) return { adopted: true }
      if (!canRefresh()) return null
      const presented = held?.session.refresh_token
      const started = elapsed()
      try {
        const answer = await send({
          method: 'POST',
          path: '/api/auth/refresh',
          body: cookies ? {} : { refresh_token: presented },
          headers: cookies ? { 'session-transport': 'cookie' } : {},
        })
        await keepRefreshed(answer as Known, presented, started)
        return held ? { adopted: false } : null
      } catch (error) {
        if (!isRefused(error)) {
          emit('auth_error', error as Error)
          throw error
        }
        // Whoever shares the storage may have been faster, and this was the token before theirs.
        const found = await look()
        const theirs = !unsaved && found && found.session.refresh_token !== presented
        if (!theirs || adoptions === maxAdoptions) {
          await drop(error as Error)
          throw error
        }
      }
    }
  }

  /**
   * Makes another session than the one stamped `stale` current: one request for all who ask, here and in other tabs.
   * null: there is nothing to refresh with. @throws what the refresh failed with
   */
  function renew(stale: string | undefined): Promise<{ adopted: boolean } | null> {
    flight ??= exclusive(() => exchange(stale)).finally(() => {
      flight = undefined
    })
    return flight
  }

  return {
    ready,
    renew,
    canRefresh,
    isEnding: () => Boolean(held && isEnding(held)),
    /** The session as known here; null: signed out. */
    current: (): Known | null => held?.session ?? null,
    stamp: () => stamp(held),
    /** Begins a session with what a sign-in answered. */
    begin: (session: Known) =>
      exclusive(async () => {
        await load()
        await save({ session, since: elapsed() })
        emit('signed_in')
      }),
    /** Ends it here, because the service has ended it. */
    end: () => exclusive(() => drop()),
    /** Completes what was given without its user. */
    complete(user: NonNullable<Known['user']>): void {
      if (held && !held.session.user) held = { ...held, session: { ...held.session, user } }
    },
    listen(listener: AuthListener): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: () => channel?.close(),
  }
}

/** Whether the service itself said that the refresh token is worth nothing; no proxy and no failure says that. */
function isRefused(error: unknown): boolean {
  return (
    (error instanceof AuthenticationError && error.code === 'invalid_refresh_token') ||
    (error instanceof ApiError && error.code === 'validation_failed')
  )
}
