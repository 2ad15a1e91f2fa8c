// The session of one client: kept, refreshed once for all who wait, shared with other tabs and processes, and given up
// only when the service has refused its refresh token.
import { ApiError, AuthenticationError } from './errors.js'
import { elapsed, type Held, type Known, print, read, type TokenStorage } from './storage.js'
import { type Channel, exclusively, openChannel } from './tabs.js'
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
  const channel: Channel | null = options.shared ? openChannel(key, () => void inTurn(sync)) : null

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

  async function look(): Promise<Held | null> {
    try {
      return read(await storage.getItem(key))
    } catch {
      // A storage that cannot be read has not lost what we hold.
      return held ?? null
    }
  }

  async function save(next: Held | null): Promise<void> {
    held = next
    over = !next
    try {
      await (next ? storage.setItem(key, print(next)) : storage.removeItem(key))
      unsaved = false
    } catch (error) {
      unsaved = true
      emit('auth_error', error as Error)
    }
    channel?.tell()
  }

  /** Takes over what another tab or process has stored. */
  async function sync(): Promise<void> {
    await ready()
    if (unsaved) return save(held ?? null)
    const found = await look()
    if (stamp(found) === stamp(held)) return
    const before = held
    held = found
    over = !found
    const same = before?.session.user?.uuid === found?.session.user?.uuid
    emit(!found ? 'signed_out' : before && same ? 'token_refreshed' : 'signed_in')
  }

  /** Reads the storage, once. */
  function ready(): Promise<void> {
    loading ??= look().then(async (found) => {
      held = found
      if (!found && options.initial) await save({ session: options.initial, since: elapsed() })
    })
    return loading
  }

  /** A cookie may be there that nobody told us of, unless the service has just said that there is none. */
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
    if (newer) held = found
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
        await ready()
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
