// The session of one client: stored, refreshed by one request for all waiting calls, and shared with other tabs and
// processes. It is dropped only when the service has refused its refresh token.
import { ApiError, AuthenticationError } from './errors.js'
import { elapsed, type Held, hold, type Known, print, read, type TokenStorage } from './storage.js'
import { type Change, type Channel, exclusively, onReturn, openChannel } from './tabs.js'
import type { Call } from './transport.js'

export type AuthEvent = 'signed_in' | 'token_refreshed' | 'signed_out' | 'auth_error'

/** Gets the event, the session after it (null: signed out), and the error of an `auth_error` or a lost session. */
export type AuthListener = (event: AuthEvent, session: Known | null, error?: Error) => void

export interface SessionOptions {
  readonly send: (call: Call) => Promise<unknown>
  readonly cookies: boolean
  readonly autoRefresh: boolean
  readonly storage: TokenStorage
  /** True if other tabs or processes may use the same storage. */
  readonly shared: boolean
  /** The key of this session in the storage, and the name of the lock and channel between tabs. */
  readonly key: string
  readonly timeoutMs: number
  /** The session of the options, used where the storage has none. */
  readonly initial: Known | null
}

/** A token is refreshed this long before it expires, or after nine tenths of a short lifetime. */
const aheadMs = 30_000

/** For this long after a change, an empty storage may not show the change yet. */
const settledMs = 2000

/** The number of times that a refused refresh is retried with a token that another process has stored meanwhile. */
const maxAdoptions = 3

export type Sessions = ReturnType<typeof createSessions>

/** Creates the session store of a client. */
export function createSessions(options: SessionOptions) {
  const { send, cookies, storage, key } = options
  const listeners = new Set<AuthListener>()
  /** undefined: the storage has not been read yet. */
  let held: Held | null | undefined
  let loading: Promise<void> | undefined
  let flight: Promise<{ adopted: boolean } | null> | undefined
  let turn: Promise<unknown> = Promise.resolve()
  /** True after a failed write: the storage is outdated, so it is written again and not read. */
  let unsaved = false
  let over = false
  /** The time of the last change of `held`, in milliseconds, and the stamp of the last session that ended. */
  let changedAt = 0
  let ended: string | number | undefined
  const channel: Channel | null = options.shared
    ? openChannel(key, (change) => void inTurn(() => hear(change)))
    : null
  const stopReturning = options.shared
    ? onReturn(() => {
        // By now the storage shows this page's own last change.
        changedAt = 0
        void inTurn(sync)
      })
    : undefined

  /** Identifies the tokens of a session; every refresh changes it. `expires_at` would not: it counts whole seconds. */
  const stamp = (of: Held | null | undefined) => of?.session.access_token ?? of?.at

  function isEnding(of: Held): boolean {
    if (!cookies && !of.session.access_token) return true
    const lifeMs = (of.session.expires_in ?? Number.POSITIVE_INFINITY) * 1000
    return elapsed() - of.since >= lifeMs - Math.min(aheadMs, lifeMs / 10)
  }

  function emit(event: AuthEvent, error?: Error): void {
    const session = held?.session ?? null
    // Called asynchronously, so that a slow or throwing listener does not affect the call that caused the event.
    for (const listener of listeners) Promise.resolve().then(() => listener(event, session, error))
  }

  /** Runs `work` after all earlier work of this client. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work)
    turn = result.catch(() => {})
    return result
  }

  /** Runs `work` while no other work runs, in this client and in every tab. */
  const exclusive = <T>(work: () => Promise<T>): Promise<T> =>
    inTurn(() => (options.shared ? exclusively(key, 2 * options.timeoutMs, work) : work()))

  /** Reads the storage, and ignores outdated contents: a browser may show the writes of another tab late. */
  async function look(): Promise<Held | null> {
    let found: Held | null
    try {
      found = read(await storage.getItem(key))
    } catch {
      // The storage cannot be read, so the session in memory is kept.
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

  /** Takes over the session that another tab or process has stored. */
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

  /** Reads the storage, at the first call only. */
  function load(): Promise<void> {
    loading ??= look().then(async (found) => {
      held = found
      if (!found && options.initial) await save(hold(options.initial, elapsed()))
    })
    return loading
  }

  /** Loads the session. Without one, reads a shared storage again, because another tab may have signed in. */
  async function ready(): Promise<void> {
    await load()
    if (!held && options.shared) await inTurn(sync)
  }

  const canRefresh = () => (cookies ? !over : Boolean(held?.session.refresh_token))

  /** Stores the result of a refresh, unless another tab or process has stored a newer session. */
  async function keepRefreshed(session: Known, presented: string | undefined, since: number): Promise<void> {
    const found = unsaved ? held : await look()
    // Another tab signed out meanwhile, so the session stays ended.
    if (!found && held) return drop()
    const other = found && found.session.refresh_token !== presented ? found.session : null
    const newer =
      other &&
      (other.user?.uuid !== session.user?.uuid || String(other.expires_at) > String(session.expires_at))
    if (newer && found) change(found, changedAt)
    else await save(hold(session, since))
    emit('token_refreshed')
  }

  async function drop(error?: Error): Promise<void> {
    const known = held
    await save(null)
    if (known) emit('signed_out', error)
  }

  async function exchange(stale: string | number | undefined): Promise<{ adopted: boolean } | null> {
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
        // Another process may have refreshed first, so that this token was an old one; the stored one is tried.
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
   * Replaces the session with the stamp `stale` by a refreshed one, by one request for all calls and tabs.
   *
   * @returns `adopted` is true if another tab or process had refreshed; null if there is no refresh token
   * @throws the error of the refresh
   */
  function renew(stale: string | number | undefined): Promise<{ adopted: boolean } | null> {
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
    /** The session in memory; null if signed out. */
    current: (): Known | null => held?.session ?? null,
    stamp: () => stamp(held),
    /** Stores the session of a sign-in. */
    begin: (session: Known) =>
      exclusive(async () => {
        await load()
        await save(hold(session, elapsed()))
        emit('signed_in')
      }),
    /** Runs a request whose answer may replace the session's tokens, while no refresh presents the former ones. */
    secure: (work: () => Promise<unknown>): Promise<unknown> =>
      exclusive(async () => {
        const since = elapsed()
        const answer = (await work()) as Known & { message?: string }
        if (answer.expires_at) {
          const { message: _, ...session } = answer
          await save(hold(session, since))
          emit('token_refreshed')
        }
        return answer
      }),
    /** Removes the session, which the service has ended. */
    end: () => exclusive(() => drop()),
    /** Adds the user to a session that was given without one. */
    complete(user: NonNullable<Known['user']>): void {
      if (held && !held.session.user) held = { ...held, session: { ...held.session, user } }
    },
    listen(listener: AuthListener): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      channel?.close()
      stopReturning?.()
    },
  }
}

/** True if the service itself has refused the refresh token. Errors of proxies and of the network are not refusals. */
function isRefused(error: unknown): boolean {
  return (
    (error instanceof AuthenticationError && error.code === 'invalid_refresh_token') ||
    (error instanceof ApiError && error.code === 'validation_failed')
  )
}
