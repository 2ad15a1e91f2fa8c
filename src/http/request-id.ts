// Names of requests that callers bring along: taken where they are sane, because they stand in logs and headers.
const sane = /^[\w.:-]{8,128}$/

/** The name in a header, or null where there is none that may be repeated. */
export const givenId = (header: string | string[] | undefined): string | null =>
  typeof header === 'string' && sane.test(header) ? header : null
