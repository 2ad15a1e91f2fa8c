// React Router 7 and Remix: a middleware for the root route, or `loadSession` in a loader; and the routes below basePath.
import type { Session } from './access-token.js'
import { withCookies } from './answers.js'
import { refusalOf } from './attached.js'
import type { AuthenticationDemand } from './errors.js'
import type { Sallyport } from './sallyport.js'

interface Args {
  readonly request: Request
}

interface MiddlewareArgs<Context> extends Args {
  readonly context: { set(context: Context, value: Session | null): void }
}

/**
 * The middleware of the root route.
 *
 * @param sessionContext `createContext<Session | null>(null)` of React Router, from which loaders get the session
 */
export function sallyport<Context>(auth: Sallyport, sessionContext: Context) {
  return async (
    { request, context }: MiddlewareArgs<Context>,
    next: () => Promise<unknown>,
  ): Promise<Response> => {
    let setCookies: readonly string[]
    try {
      const resumed = await auth.resume(request)
      context.set(sessionContext, resumed.session)
      setCookies = resumed.setCookies
    } catch (error) {
      return refusalOf(auth, request, error)
    }
    return withCookies((await next()) as Response, setCookies)
  }
}

/**
 * The session in a loader or action without the middleware. Call it in one loader of a page, and answer with its headers:
 * `return data(…, { headers })`.
 *
 * @throws Response, which React Router answers with, where the request is refused
 */
export async function loadSession(
  auth: Sallyport,
  request: Request,
  demand: AuthenticationDemand = {},
): Promise<{ session: Session | null; headers: Headers }> {
  try {
    const { session, setCookies } = await auth.resume(request, demand)
    const headers = new Headers(setCookies.map((line): [string, string] => ['set-cookie', line]))
    // A cache that kept the answer would hand the session to the next visitor.
    if (setCookies.length > 0) headers.set('cache-control', 'no-store')
    return { session, headers }
  } catch (error) {
    throw refusalOf(auth, request, error)
  }
}

/** `loader` and `action` of the route for all paths below basePath: `auth.$.tsx`. */
export function authRoutes(auth: Sallyport) {
  const answer = async ({ request }: Args): Promise<Response> =>
    (await auth.handle(request)) ?? new Response('Not found', { status: 404 })
  return { loader: answer, action: answer }
}
