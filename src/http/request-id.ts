// Ids of requests that callers send: accepted where they are short and plain, because logs and headers repeat them.
const plain = /^[\w.:-]{8,128}$/

/** The id in a header; null for a missing header or an id that is not accepted. */
export const givenId = (header: string | undefined): string | null =>
  header !== undefined && plain.test(header) ? header : null
