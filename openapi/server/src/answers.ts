// Lines of Set-Cookie on an answer of the application.

/** The answer with these lines; no cache may keep it then. */
export function withCookies(answer: Response, setCookies: readonly string[]): Response {
  if (setCookies.length === 0) return answer
  // The headers of an answer of `fetch` cannot be changed.
  const own = new Response(answer.body, answer)
  own.headers.set('cache-control', 'no-store')
  for (const line of setCookies) own.headers.append('set-cookie', line)
  return own
}
