// Express: app.use(sallyport(auth)) answers the routes below basePath, and finds the session of every other request.
import { attach, demandSession, refusalOf, sessionOf } from './attached.js'
import type { AuthenticationDemand } from './errors.js'
import { type NodeRequest, toWebRequest } from './node.js'
import type { Sallyport } from './sallyport.js'

export { sessionOf }

interface ExpressRequest extends NodeRequest {
  readonly originalUrl: string
}

interface ExpressResponse {
  status(code: number): unknown
  append(name: string, value: string): unknown
  setHeader(name: string, value: string): unknown
  end(body?: string): unknown
}

type Next = (error?: unknown) => void
type Handler = (request: ExpressRequest, response: ExpressResponse, next: Next) => void

async function send(to: ExpressResponse, from: Response): Promise<void> {
  to.status(from.status)
  from.headers.forEach((value, name) => {
    if (name !== 'set-cookie') to.setHeader(name, value)
  })
  for (const line of from.headers.getSetCookie()) to.append('set-cookie', line)
  to.end(await from.text())
}

/** The request as `refusal` reads it: with the whole path, also below a router. */
const seenOf = ({ method, headers, originalUrl }: ExpressRequest) => ({ method, headers, url: originalUrl })

/** The middleware for all requests; handlers after it read the session with `sessionOf(request)`. */
export function sallyport(auth: Sallyport): Handler {
  async function run(request: ExpressRequest, response: ExpressResponse): Promise<boolean> {
    try {
      if (request.originalUrl.startsWith(`${auth.paths.base}/`)) {
        const answer = await auth.handle(await toWebRequest(request, request.originalUrl))
        if (answer) {
          await send(response, answer)
          return false
        }
      }
      const { session, setCookies } = await auth.resume(request)
      attach(request, session)
      if (setCookies.length > 0) response.setHeader('cache-control', 'no-store')
      for (const line of setCookies) response.append('set-cookie', line)
      return true
    } catch (error) {
      await send(response, refusalOf(auth, seenOf(request), error))
      return false
    }
  }
  return (request, response, next) => {
    run(request, response).then((goesOn) => goesOn && next(), next)
  }
}

/** Lets only signed-in users pass: others are sent to the sign-in page, or answered with 401. */
export function requireSession(auth: Sallyport, demand: AuthenticationDemand = {}): Handler {
  return (request, response, next) => {
    try {
      demandSession(auth, request, demand)
    } catch (error) {
      Promise.resolve()
        .then(() => send(response, refusalOf(auth, seenOf(request), error)))
        .catch(next)
      return
    }
    next()
  }
}
