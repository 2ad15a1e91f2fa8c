// Hooks that load one answer, or the pages of a list by keyset.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { type Query, read, withQuery } from './api.ts'
import { toastError } from './parts/toasts.tsx'
import type { Page } from './types.ts'

/** The state of a request. `data` is null until the first answer has come. */
export interface Loading<T> {
  readonly data: T | null
  readonly error: Error | null
  /** Sends the request again. The data stays until the new answer comes. */
  readonly reload: () => void
}

export interface Loaded<T> extends Loading<T> {
  /** Replaces the data, such as by the answer to a change. */
  readonly set: (data: T) => void
}

/** Loads whenever `key` changes, and drops the answer to an older key. @param key null: nothing is loaded */
export function useLoaded<T>(key: string | null, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ key: string | null; data: T | null; error: Error | null }>({
    key: null,
    data: null,
    error: null,
  })
  const [turn, setTurn] = useState(0)
  const latest = useRef(load)
  latest.current = load
  useEffect(() => {
    if (key === null) return
    const abort = new AbortController()
    latest.current(abort.signal).then(
      (data) => !abort.signal.aborted && setState({ key, data, error: null }),
      (error: Error) =>
        !abort.signal.aborted &&
        setState((before) => ({ key, data: before.key === key ? before.data : null, error })),
    )
    return () => abort.abort()
  }, [key, turn])
  const reload = useCallback(() => setTurn((before) => before + 1), [])
  const set = useCallback((data: T) => setState({ key, data, error: null }), [key])
  const isCurrentKey = state.key === key
  return { data: isCurrentKey ? state.data : null, error: isCurrentKey ? state.error : null, reload, set }
}

/** Loads the body of a GET of the admin API. @param path null: nothing is loaded */
export function useRead<T>(path: string | null, query?: Query): Loaded<T> {
  const key = path === null ? null : withQuery(path, query)
  return useLoaded<T>(key, (signal) => read<T>(path ?? '', query, signal))
}

export interface LoadedPages<T> extends Loading<readonly T[]> {
  readonly hasMore: boolean
  readonly isLoadingMore: boolean
  readonly more: () => void
}

/** Loads a list of the admin API page by page. After an empty page it requests the next one at once. */
export function usePages<T>(path: string | null, query: Query = {}): LoadedPages<T> {
  const key = path === null ? null : withQuery(path, query)
  const [isLoadingMore, setLoadingMore] = useState(false)
  const next = useRef<{ key: string | null; cursor: string | null }>({ key: null, cursor: null })

  async function page(cursor: string | null, signal?: AbortSignal): Promise<readonly T[]> {
    let at = cursor
    // A search may have empty pages before the first hit. The number of requests is limited.
    for (let tries = 0; ; tries++) {
      const { data, next_cursor } = await read<Page<T>>(
        path ?? '',
        { ...query, ...(at === null ? {} : { cursor: at }) },
        signal,
      )
      at = next_cursor
      if (data.length > 0 || at === null || tries === 20) {
        next.current = { key, cursor: at }
        return data
      }
    }
  }
  const loaded = useLoaded<readonly T[]>(key, (signal) => page(null, signal))
  async function more(): Promise<void> {
    setLoadingMore(true)
    try {
      const further = await page(next.current.cursor)
      if (next.current.key === key) loaded.set([...(loaded.data ?? []), ...further])
    } finally {
      setLoadingMore(false)
    }
  }
  const hasMore = next.current.key === key && next.current.cursor !== null
  const { data, error, reload } = loaded
  return { data, error, reload, hasMore, isLoadingMore, more: () => void more().catch(toastError) }
}
