// The table of deprecated routes and fields. The plugin announces each entry in answers and documents, `npm run docs` lists it in
// docs/upgrading.md, and a test refuses an entry whose sunset has passed.

export interface Deprecation {
  /** As openapi/routes.txt names it: `POST /api/auth/login`. */
  readonly route: string
  /** A field of the request's body; absent: the whole route. */
  readonly field?: string
  /** When it was deprecated, as YYYY-MM-DD (UTC). */
  readonly since: string
  /** The first day on which it may be removed, as YYYY-MM-DD (UTC). */
  readonly sunset: string
  /** What to use instead, as a sentence. */
  readonly instead: string
}

export const deprecations: readonly Deprecation[] = []

/**
 * The headers of an answer: `Deprecation` (RFC 9745 §2), `Sunset` (RFC 8594 §3) and `Link` (RFC 9745 §3).
 * @param documents URL of the documentation
 */
export function deprecationHeaders(
  { since, sunset }: Pick<Deprecation, 'since' | 'sunset'>,
  documents: string,
): Record<string, string> {
  return {
    deprecation: `@${Date.parse(since) / 1000}`,
    sunset: new Date(sunset).toUTCString(),
    link: `<${documents}>; rel="deprecation"; type="text/html"`,
  }
}
