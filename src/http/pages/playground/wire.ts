// What went over the wire: every request of the SDK with its answer, and every event of the session; the newest first.
import { shorten } from './secrets.ts'

export interface Exchange {
  readonly id: number
  readonly method: string
  readonly path: string
  /** null: no answer. */
  readonly status: number | null
  readonly ms: number
  /** Bodies, with secrets shortened. */
  readonly sent?: unknown
  readonly answer?: unknown
  /** The title of the step that it completed. */
  readonly completed?: string | undefined
}

export interface Happening {
  readonly id: number
  readonly event: string
}

export type Entry = Exchange | Happening

const key = 'sallyport-playground-wire'
/** Older entries are dropped. */
const most = 150

function read(): readonly Entry[] {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? '[]')
  } catch {
    return []
  }
}

let entries = read()
const listeners = new Set<() => void>()

export const listEntries = (): readonly Entry[] => entries

export function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function set(next: readonly Entry[]): void {
  entries = next
  try {
    sessionStorage.setItem(key, JSON.stringify(next))
  } catch {}
  for (const listener of listeners) listener()
}

const add = (entry: Omit<Exchange, 'id'> | Omit<Happening, 'id'>): void =>
  set([{ ...entry, id: (entries[0]?.id ?? 0) + 1 }, ...entries].slice(0, most) as Entry[])

export const noteEvent = (event: string): void => add({ event })
export const clearWire = (): void => set([])

const parse = (text: unknown) => {
  try {
    return typeof text === 'string' && text ? JSON.parse(text) : undefined
  } catch {
    return text
  }
}

/**
 * Makes the SDK's `fetch`: the browser's, which also notes each exchange.
 * @param base URL of the service, which is left out of the paths
 * @param completes the title of the step that an exchange completes
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
