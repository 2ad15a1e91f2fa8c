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

/** Shortest time between deprecation and sunset, in days. */
const shortestNoticeDays = 180

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

/**
 * Checks a table of deprecations.
 * @param now the time of the check
 * @returns a sentence for each entry that may not be released
 */
export function deprecationProblems(table: readonly Deprecation[], now: Date): string[] {
  const dayMs = 86_400_000
  return table.flatMap(({ route, field, since, sunset }) => {
    const name = field ? `${field} of ${route}` : route
    const [from, to] = [Date.parse(since), Date.parse(sunset)]
    if (Number.isNaN(from) || Number.isNaN(to)) return [`${name}: a date is not YYYY-MM-DD.`]
    if (to <= now.getTime()) return [`${name}: its sunset has passed. Remove it, or set a later one.`]
    if (to - from < shortestNoticeDays * dayMs)
      return [`${name}: the notice is shorter than ${shortestNoticeDays} days.`]
    return []
  })
}
