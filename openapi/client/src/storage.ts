// The storage of a session between calls: any object with the methods of localStorage, synchronous or not.
import type { components } from './schema.js'

type WireSession = components['schemas']['Session']

/** A session as the service sent it, or the known part of it. */
export type Known = Partial<WireSession>

/**
 * Stores one string under a key. `localStorage`, `sessionStorage` and React Native's AsyncStorage can be used directly.
 * Tabs or processes that share a storage share the session.
 */
export interface TokenStorage {
  getItem(key: string): string | null | Promise<string | null>
  setItem(key: string, value: string): unknown
  removeItem(key: string): unknown
}

/** Returns a storage in memory, which lasts as long as the page or the process. */
export function memoryStorage(): TokenStorage {
  const values = new Map<string, string>()
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => values.set(key, value),
    removeItem: (key) => values.delete(key),
  }
}

/** Returns the page's localStorage; null outside of a page, and where the browser forbids it. */
export function pageStorage(): TokenStorage | null {
  try {
    return typeof document === 'undefined' ? null : globalThis.localStorage
  } catch {
    return null
  }
}

/** A session with the time of its arrival on two clocks. */
export interface Held {
  readonly session: Known
  /** Milliseconds of `elapsed()` when its `expires_in` began to run. */
  readonly since: number
  /** The same moment on the device's clock, in milliseconds. It is compared with that clock only. */
  readonly at: number
}

/** Milliseconds of the monotonic clock, which setting the device's clock does not change. */
export const elapsed = (): number => globalThis.performance?.now?.() ?? Date.now()

/** Makes the held form of a session whose `expires_in` began to run at `since` of the monotonic clock. */
export const hold = (session: Known, since: number): Held => ({
  session,
  since,
  at: Date.now() - (elapsed() - since),
})

/** Serialises a session for the storage. */
export const print = ({ session, at }: Held): string => JSON.stringify({ ...session, at })

/** Parses a stored session; null where the text is not one. */
export function read(text: string | null): Held | null {
  try {
    const { at, ...session } = JSON.parse(text ?? 'null')
    if (!(session.access_token || session.refresh_token || session.expires_at)) return null
    return { session, since: elapsed() - Math.max(0, Date.now() - at || 0), at }
  } catch {
    return null
  }
}
