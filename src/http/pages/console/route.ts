// The address of a view: the fragment of the page's address, as a path with a query. It survives a reload, and no log of a server has it.
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

/** A link to a view. */
export const linkTo = (segments: readonly string[], query?: Query): string =>
  `#/${withQuery(segments.map(encodeURIComponent).join('/'), query)}`

/** Goes to a view. */
export function go(segments: readonly string[], query?: Query): void {
  location.hash = linkTo(segments, query)
}

/** Changes the query of the view without another entry of the history. */
export function setQuery(query: Query): void {
  const { path } = readRoute()
  history.replaceState(null, '', linkTo(path, query))
  dispatchEvent(new HashChangeEvent('hashchange'))
}

/** Values of the query by name; empty for those that it lacks. */
export const queryValues = <Name extends string>(
  { query }: Route,
  names: readonly Name[],
): Readonly<Record<Name, string>> =>
  Object.fromEntries(names.map((name) => [name, query.get(name) ?? ''])) as Record<Name, string>

/** The view that the address names, kept current. */
export function useRoute(): Route {
  const [route, setRoute] = useState(readRoute)
  useEffect(() => {
    const follow = () => setRoute(readRoute())
    addEventListener('hashchange', follow)
    // It may have changed after the first rendering, before anybody listened.
    follow()
    return () => removeEventListener('hashchange', follow)
  }, [])
  return route
}
