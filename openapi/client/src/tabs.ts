// What the tabs of one origin do together: one at a time, and telling each other. Where a browser or runtime has neither
// Web Locks nor BroadcastChannel, the service's replay grace lets refreshes that meet converge on one token.

/**
 * Runs `work` while no other tab runs any under the same name. A lock that does not come within `patienceMs` (its
 * holder may be frozen) or not at all is done without.
 */
export async function exclusively<T>(name: string, patienceMs: number, work: () => Promise<T>): Promise<T> {
  const locks = globalThis.navigator?.locks
  if (!locks) return work()
  const waiting = new AbortController()
  const patience = setTimeout(() => waiting.abort(), patienceMs)
  let begun = false
  try {
    return await locks.request(name, { signal: waiting.signal }, () => {
      begun = true
      clearTimeout(patience)
      return work()
    })
  } catch (error) {
    if (begun) throw error
    return work()
  } finally {
    clearTimeout(patience)
  }
}

export interface Channel {
  /** Tells every other tab that the storage has changed. */
  tell(): void
  close(): void
}

/** Joins the tabs that share a storage; `heard` is called when another one has changed what lies under `key`. */
export function openChannel(key: string, heard: () => void): Channel {
  if (typeof BroadcastChannel === 'function') {
    const channel = new BroadcastChannel(key)
    channel.onmessage = heard
    // In Node a channel would keep the process alive.
    ;(channel as { unref?: () => void }).unref?.()
    return { tell: () => channel.postMessage(null), close: () => channel.close() }
  }
  const listener = (event: Event) => {
    if ((event as StorageEvent).key === key) heard()
  }
  globalThis.addEventListener?.('storage', listener)
  return { tell() {}, close: () => globalThis.removeEventListener?.('storage', listener) }
}
