// The address of a view: the fragment of the URL, as a path with a query. It survives a reload, and browsers do not send it.
import { useEffect, useState } from 'preact/hooks'
import { type Query, withQuery } from './api.ts'

export interface Route {
  /** Decoded segments of the path. */
  readonly path: readonly string[]
  readonly query: URLSearchParams
}

function readRoute(): Route {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?', 2)
  const segments = path.split('/').filter((segment) => segment !== '')
  return { path: segments.map(decoded), query: new URLSearchParams(query) }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The link to a view. @param segments of the path, not encoded */
export const linkTo = (segments: readonly string[], query?: Query): string =>
  `#/${withQuery(segments.map(encodeURIComponent).join('/'), query)}`

/** Goes to a view. */
export function go(segments: readonly string[], query?: Query): void {
  location.hash = linkTo(segments, query)
}

/** Replaces the query of the view without a new entry in the history. */
export function setQuery(query: Query): void {
  const { path } = readRoute()
  history.replaceState(null, '', linkTo(path, query))
  dispatchEvent(new HashChangeEvent('hashchange'))
}

/** Parameters of the query by name; the empty string for those that are absent. */
export const queryValues = <Name extends string>(
  { query }: Route,
  names: readonly Name[],
): Readonly<Record<Name, string>> =>
  Object.fromEntries(names.map((name) => [name, query.get(name) ?? ''])) as Record<Name, string>

/** The route of the current address. The component renders again when it changes. */
export function useRoute(): Route {
  const [route, setRoute] = useState(readRoute)
  useEffect(() => {
    const follow = () => setRoute(readRoute())
    addEventListener('hashchange', follow)
    // The address may have changed between the first rendering and this listener.
    follow()
    return () => removeEventListener('hashchange', follow)
  }, [])
  return route
}
