// Hono: app.use(sallyport(auth)) answers the routes below basePath, and finds the session of every other request.

import type { Session } from './access-token.js'
import { attach, demandSession, refusalOf, sessionOf as sessionOfRequest } from './attached.js'
import type { AuthenticationDemand } from './errors.js'
import type { Sallyport } from './sallyport.js'

interface HonoContext {
  readonly req: { readonly raw: Request }
  header(name: string, value: string, options?: { append?: boolean }): void
}

type Middleware = (c: HonoContext, next: () => Promise<void>) => Promise<Response | undefined>

/** The session of the request; null: signed out. @throws TypeError where the middleware did not run */
export const sessionOf = (c: HonoContext): Session | null => sessionOfRequest(c.req.raw)

/** The middleware for all requests. */
export function sallyport(auth: Sallyport): Middleware {
  return async (c, next) => {
    const { raw } = c.req
    let setCookies: readonly string[]
    try {
      const answer = await auth.handle(raw)
      if (answer) return answer
      const resumed = await auth.resume(raw)
      attach(raw, resumed.session)
      setCookies = resumed.setCookies
    } catch (error) {
      return refusalOf(auth, raw, error)
    }
    await next()
    if (setCookies.length > 0) c.header('cache-control', 'no-store')
    for (const line of setCookies) c.header('set-cookie', line, { append: true })
    return undefined
  }
}

/** Lets only signed-in users pass: others are sent to the sign-in page, or answered with 401. */
export function requireSession(auth: Sallyport, demand: AuthenticationDemand = {}): Middleware {
  return async (c, next) => {
    try {
      demandSession(auth, c.req.raw, demand)
    } catch (error) {
      return refusalOf(auth, c.req.raw, error)
    }
    await next()
    return undefined
  }
}
