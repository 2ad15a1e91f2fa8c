// A lock and a channel between the tabs of one origin. Where a browser or runtime has neither Web Locks nor
// BroadcastChannel, concurrent refreshes still get the same token within the service's replay grace.

/**
 * Runs `work` while no other tab runs work under the same name.
 *
 * @param patienceMs the longest wait for the lock, whose holder may be frozen; `work` then runs without it
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

/** The text under the key since `at` (milliseconds of the device's clock); null if it was removed. */
export interface Change {
  readonly text: string | null
  readonly at: number
}

export interface Channel {
  /** Sends the new contents of the storage to every other tab, because a tab may see them in the storage late. */
  tell(change: Change): void
  close(): void
}

/** Opens the channel between the tabs that share a storage. `heard` is called with each change of `key` by another tab. */
export function openChannel(key: string, heard: (change: Change) => void): Channel {
  if (typeof BroadcastChannel === 'function') {
    const channel = new BroadcastChannel(key)
    channel.onmessage = ({ data }) => heard(data)
    // In Node an open channel would keep the process running.
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

/**
 * Calls `returned` when the page comes back from the back-forward cache, where it gets no messages of other tabs.
 *
 * @returns a function that ends this
 */
export function onReturn(returned: () => void): () => void {
  const listener = (event: Event) => (event as PageTransitionEvent).persisted && returned()
  globalThis.addEventListener?.('pageshow', listener)
  return () => globalThis.removeEventListener?.('pageshow', listener)
}
