// Who is signed in, for useSyncExternalStore: read once, kept current by the client's events (also of other tabs), and read again
// when the page comes back from the back-forward cache, from being hidden, or online.
import type { SallyportClient, Session, User } from '@sallyport/client'
import { arrive } from './arrival.js'

export interface AuthState {
  /** `loading` until the session has been read; with an initial session of the server never. */
  readonly status: 'loading' | 'signed_in' | 'signed_out'
  readonly session: Session | null
  readonly user: User | null
}

export interface AuthStore {
  readonly subscribe: (listener: () => void) => () => void
  readonly get: () => AuthState
  /** What a server renders, and a browser at first. */
  readonly getInitial: () => AuthState
  /** Takes a changed user over, which the service has returned. */
  readonly setUser: (user: User) => void
  /** The error of a sign-in by redirect that this page came back from; it is given once. */
  readonly takeArrival: () => unknown
  /** Begins to listen, in a browser only. Returns what ends it. */
  readonly start: () => () => void
}

/** A page that was hidden for this long asks again whether its session lives. */
const staleMs = 60_000

const stateOf = (session: Session | null): AuthState => ({
  status: session ? 'signed_in' : 'signed_out',
  session,
  user: session?.user ?? null,
})

/** @param session the session as a server knows it; null: signed out; undefined: unknown */
export function createAuthStore(client: SallyportClient, session: Session | null | undefined): AuthStore {
  const initial: AuthState =
    session === undefined ? { status: 'loading', session: null, user: null } : stateOf(session)
  const listeners = new Set<() => void>()
  let state = initial
  let arrival: unknown
  let isReading = false
  let readAt = 0

  function set(next: AuthState): void {
    state = next
    for (const listener of listeners) listener()
  }

  function setUser(user: User): void {
    if (state.user?.uuid === user.uuid) set({ ...state, user })
  }

  async function look(): Promise<void> {
    try {
      await arrive(client).catch((error) => {
        arrival = error
      })
      const found = await client.getSession()
      set(stateOf(found))
      if (!found) return
      // The service says whether the session lives, and what has changed of the user.
      readAt = performance.now()
      setUser((await client.me()).user)
    } catch {
      // No answer changes nothing; a session that has ended is told by an event.
      if (state.status === 'loading') set(stateOf(null))
    }
  }

  /** Reads again, unless that is going on. */
  function read(): void {
    if (isReading) return
    isReading = true
    void look().finally(() => {
      isReading = false
    })
  }

  return {
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    get: () => state,
    getInitial: () => initial,
    setUser,
    takeArrival() {
      const given = arrival
      arrival = undefined
      return given
    },
    start() {
      const shown = (event: PageTransitionEvent) => event.persisted && read()
      const seen = () =>
        document.visibilityState === 'visible' && performance.now() - readAt > staleMs && read()
      const stop = client.onAuthStateChange((event, now) => {
        if (event !== 'auth_error') set(stateOf(now))
      })
      read()
      // React Native has no page.
      if (typeof document === 'undefined') return stop
      window.addEventListener('pageshow', shown)
      window.addEventListener('online', read)
      document.addEventListener('visibilitychange', seen)
      return () => {
        stop()
        window.removeEventListener('pageshow', shown)
        window.removeEventListener('online', read)
        document.removeEventListener('visibilitychange', seen)
      }
    },
  }
}
