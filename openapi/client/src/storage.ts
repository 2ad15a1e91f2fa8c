// Where a session rests between calls: anything shaped like localStorage, synchronous or not.
import type { components } from './schema.js'

type WireSession = components['schemas']['Session']

/** A session as the service printed it, or as much of it as is known. */
export type Known = Partial<WireSession>

/**
 * Keeps one string under a key. `localStorage`, `sessionStorage` and React Native's AsyncStorage fit as they are.
 * Whoever shares it shares the session: tabs, or processes.
 */
export interface TokenStorage {
  getItem(key: string): string | null | Promise<string | null>
  setItem(key: string, value: string): unknown
  removeItem(key: string): unknown
}

/** A storage that ends with the page or the process. */
export function memoryStorage(): TokenStorage {
  const values = new Map<string, string>()
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => values.set(key, value),
    removeItem: (key) => values.delete(key),
  }
}

/** localStorage where there is a page that has one; null elsewhere, and where the browser forbids it. */
export function pageStorage(): TokenStorage | null {
  try {
    return typeof document === 'undefined' ? null : globalThis.localStorage
  } catch {
    return null
  }
}

/** A session with the moment it arrived here, on the clock that no one sets. */
export interface Held {
  readonly session: Known
  /** Milliseconds of `elapsed()` when its `expires_in` began to run. */
  readonly since: number
}

/** Milliseconds since some moment; does not jump when somebody sets the device's clock. */
export const elapsed = (): number => globalThis.performance?.now?.() ?? Date.now()

/** A session as it is stored. The clock of the device is only ever compared with itself. */
export function print({ session, since }: Held): string {
  return JSON.stringify({ ...session, at: Date.now() - (elapsed() - since) })
}

/** The reverse; null for what is none of ours. */
export function read(text: string | null): Held | null {
  try {
    const { at, ...session } = JSON.parse(text ?? 'null')
    if (!(session.access_token || session.refresh_token || session.expires_at)) return null
    return { session, since: elapsed() - Math.max(0, Date.now() - at || 0) }
  } catch {
    return null
  }
}
