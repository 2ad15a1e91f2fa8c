// Next.js, App Router: `auth()` in server components, `middleware`, and the handlers of the routes below basePath.
import type { Session } from './access-token.js'
import { refusalOf } from './attached.js'
import { type AuthenticationDemand, SallyportError } from './errors.js'
import type { Sallyport } from './sallyport.js'
import { cookiesAfter } from './session-cookies.js'

export interface NextSallyport {
  /**
   * The session in a server component, route handler or action; null: signed out. The middleware refreshes it before.
   *
   * @throws StepUpRequiredError, ServiceUnavailableError
   */
  auth(demand?: AuthenticationDemand): Promise<Session | null>
  /** `export const { GET, POST } = handlers` in `app/auth/[...path]/route.ts`. */
  readonly handlers: { GET(request: Request): Promise<Response>; POST(request: Request): Promise<Response> }
  /** `export { middleware }` in `middleware.ts`, or `export { middleware as proxy }` in `proxy.ts` from Next.js 16 on. */
  middleware(request: Request): Promise<Response>
}

/** The parts of `next/headers` and `next/server` that are used. */
type NextHeaders = { headers(): Headers | Promise<Headers> }
type NextServer = { NextResponse: { next(init: { request: { headers: Headers } }): Response } }

/** Creates what an application of Next.js exports. */
export function createNext(sallyport: Sallyport): NextSallyport {
  async function answer(request: Request): Promise<Response> {
    return (await sallyport.handle(request)) ?? new Response('Not found', { status: 404 })
  }

  async function auth(demand: AuthenticationDemand = {}): Promise<Session | null> {
    // @ts-expect-error: an optional peer, which the bundler of the application resolves
    const { headers } = (await import('next/headers.js')) as NextHeaders
    // Next.js itself refuses actions of other origins, and hides the method from components.
    const request = { headers: await headers() }
    const { session, mustRefresh } = await sallyport.peek(request, demand)
    if (!mustRefresh) return session
    // A refresh whose cookies get lost would end the session, and components cannot set any.
    const words =
      'The session of this request must be refreshed: let the matcher of the middleware include its path.'
    throw new SallyportError(503, 'service_unavailable', words, { headers: { 'retry-after': '1' } })
  }

  async function middleware(request: Request): Promise<Response> {
    if (new URL(request.url).pathname.startsWith(`${sallyport.paths.base}/`)) return next(request, [])
    try {
      return await next(request, (await sallyport.resume(request)).setCookies)
    } catch (error) {
      return refusalOf(sallyport, request, error)
    }
  }

  /** Lets the page see the new cookies, and the browser keep them. */
  async function next(request: Request, setCookies: readonly string[]): Promise<Response> {
    // @ts-expect-error: an optional peer, which the bundler of the application resolves
    const { NextResponse } = (await import('next/server.js')) as NextServer
    const headers = new Headers(request.headers)
    if (setCookies.length > 0) headers.set('cookie', cookiesAfter(request, setCookies))
    const response = NextResponse.next({ request: { headers } })
    for (const line of setCookies) response.headers.append('set-cookie', line)
    if (setCookies.length > 0) response.headers.set('cache-control', 'no-store')
    return response
  }

  return { auth, handlers: { GET: answer, POST: answer }, middleware }
}
