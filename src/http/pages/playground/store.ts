// A store in the browser's storage for useSyncExternalStore.
import { useSyncExternalStore } from 'react'

export interface Store<T> {
  read(): T
  set(value: T): void
  /** Calls the listener after each change. @returns unsubscribes it */
  subscribe(listener: () => void): () => void
}

/**
 * Creates a store. In a browser that forbids storage, the value lasts as long as the page.
 * @param area `localStorage` is shared by all tabs, `sessionStorage` belongs to one
 * @param revive returns the value for the stored JSON, or for null
 */
export function createStore<T>(
  area: 'localStorage' | 'sessionStorage',
  key: string,
  revive: (stored: unknown) => T,
): Store<T> {
  function load(): T {
    try {
      return revive(JSON.parse(globalThis[area].getItem(key) ?? 'null'))
    } catch {
      return revive(null)
    }
  }
  let value = load()
  const listeners = new Set<() => void>()
  function change(next: T): void {
    value = next
    for (const listener of listeners) listener()
  }
  // Another tab has changed it.
  addEventListener('storage', (event) => {
    if (event.key === key) change(load())
  })
  return {
    read: () => value,
    set(next) {
      try {
        globalThis[area].setItem(key, JSON.stringify(next))
      } catch {}
      change(next)
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** The current value of a store. The component renders again when it changes. */
export const useStore = <T>({ subscribe, read }: Store<T>): T => useSyncExternalStore(subscribe, read)
