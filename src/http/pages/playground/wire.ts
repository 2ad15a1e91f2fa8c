// Records every request of the SDK with its answer, and every event of the session.
import { shorten } from './secrets.ts'
import { createStore, useStore } from './store.ts'

export interface Exchange {
  readonly id: number
  readonly method: string
  readonly path: string
  /** Null: no answer came. */
  readonly status: number | null
  readonly ms: number
  /** Bodies, with secrets shortened. */
  readonly sent?: unknown
  readonly answer?: unknown
  /** The title of the step that the exchange completed. */
  readonly completed?: string | undefined
}

interface SessionEvent {
  readonly id: number
  readonly event: string
}

type Entry = Exchange | SessionEvent

/** Older entries are dropped. */
const maxEntries = 150

const store = createStore<readonly Entry[]>(
  'sessionStorage',
  'sallyport-playground-wire',
  (stored) => (stored as readonly Entry[] | null) ?? [],
)

/** The exchanges and events, the newest first. */
export const useEntries = (): readonly Entry[] => useStore(store)

function add(entry: Omit<Exchange, 'id'> | Omit<SessionEvent, 'id'>): void {
  const entries = store.read()
  const id = (entries[0]?.id ?? 0) + 1
  store.set([{ ...entry, id }, ...entries].slice(0, maxEntries))
}

export const noteEvent = (event: string): void => add({ event })
export const clearWire = (): void => store.set([])

const parse = (text: unknown) => {
  try {
    return typeof text === 'string' && text ? JSON.parse(text) : undefined
  } catch {
    return text
  }
}

/**
 * Creates a `fetch` for the SDK that records each exchange.
 * @param base URL of the service; recorded paths are relative to it
 * @param completes returns the title of the step that an exchange completes
 */
export function watch(
  base: string,
  completes: (method: string, path: string, status: number) => string | undefined,
): (url: string, init: RequestInit) => Promise<Response> {
  return async (url, init) => {
    const began = performance.now()
    const method = init.method ?? 'GET'
    const path = url.startsWith(base) ? url.slice(base.length) : url
    const sent = shorten(parse(init.body))
    const facts = () => ({ method, path, sent, ms: Math.round(performance.now() - began) })
    try {
      const response = await fetch(url, init)
      const answer = shorten(parse(await response.clone().text()))
      const { status } = response
      add({ ...facts(), status, answer, completed: completes(method, path, status) })
      return response
    } catch (error) {
      add({ ...facts(), status: null, answer: String(error) })
      throw error
    }
  }
}
