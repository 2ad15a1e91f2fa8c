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

/** What lies under the key since `at` (milliseconds of the device's clock); null: nothing. */
export interface Change {
  readonly text: string | null
  readonly at: number
}

export interface Channel {
  /** Tells every other tab what the storage holds now; they may see it there only later. */
  tell(change: Change): void
  close(): void
}

/** Joins the tabs that share a storage; `heard` is called with what another one has put under `key`. */
export function openChannel(key: string, heard: (change: Change) => void): Channel {
  if (typeof BroadcastChannel === 'function') {
    const channel = new BroadcastChannel(key)
    channel.onmessage = ({ data }) => heard(data)
    // In Node a channel would keep the process alive.
    ;(channel as { unref?: () => void }).unref?.()
    return { tell: (change) => channel.postMessage(change), close: () => channel.close() }
  }
  const listener = (event: Event) => {
    const { key: changed, newValue } = event as StorageEvent
    if (changed === key) heard({ text: newValue, at: Date.now() })
  }
  globalThis.addEventListener?.('storage', listener)
  return { tell() {}, close: () => globalThis.removeEventListener?.('storage', listener) }
}
