// The path of PUBLIC_URL, for a proxy that serves the service below a path: removed from URLs, added to links.

/** @returns such as /auth; empty where PUBLIC_URL has no path */
export const basePathOf = (publicUrl: string): string => new URL(publicUrl).pathname.replace(/\/$/, '')

const firstSegment = (path: string) => path.split(/[/?]/, 2)[1] ?? ''

/** Removes the path from the URLs of requests, where the proxy does not remove it. */
export class BasePath {
  readonly #path: string
  /** First segments of the service's routes. A base path that begins with one is ambiguous and is not removed. */
  readonly #own = new Set<string>()

  constructor(publicUrl: string) {
    this.#path = basePathOf(publicUrl)
  }
  addOwn(url: string): void {
    this.#own.add(firstSegment(url))
  }
  readonly rewrite = ({ url = '/' }: { readonly url?: string | undefined }): string => {
    if (this.#path === '' || !url.startsWith(this.#path) || this.#own.has(firstSegment(this.#path)))
      return url
    const rest = url.slice(this.#path.length)
    return /^[/?]|^$/.test(rest) ? rest.replace(/^(?!\/)/, '/') : url
  }
}

/** An OpenAPI document whose servers are below the path of PUBLIC_URL. */
export function belowBase<T extends object>(document: T, publicUrl: string): T {
  const base = basePathOf(publicUrl)
  const { servers } = document as { readonly servers?: readonly { readonly url: string }[] }
  if (base === '' || !servers) return document
  return { ...document, servers: servers.map((server) => ({ ...server, url: `${base}${server.url}` })) }
}
