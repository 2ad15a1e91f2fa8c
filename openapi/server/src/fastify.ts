// Fastify: app.register(sallyport(auth)) answers the routes below basePath, and finds the session of every other request.
import { attach, demandSession, refusalOf, sessionOf } from './attached.js'
import type { AuthenticationDemand } from './errors.js'
import { type NodeRequest, toWebRequest } from './node.js'
import type { Sallyport } from './sallyport.js'

export { sessionOf }

interface FastifyRequest {
  readonly raw: NodeRequest
  readonly headers: NodeRequest['headers']
  readonly method: string
  readonly url: string
}

interface FastifyReply {
  code(status: number): unknown
  header(name: string, value: string | string[]): unknown
  send(body: string): unknown
}

interface FastifyApp {
  addHook(
    name: 'onRequest',
    hook: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>,
  ): unknown
}

async function send(reply: FastifyReply, answer: Response): Promise<FastifyReply> {
  reply.code(answer.status)
  answer.headers.forEach((value, name) => {
    if (name !== 'set-cookie') reply.header(name, value)
  })
  const lines = answer.headers.getSetCookie()
  if (lines.length > 0) reply.header('set-cookie', lines)
  reply.send(await answer.text())
  return reply
}

/** The plugin for all requests; handlers read the session with `sessionOf(request)`. */
export function sallyport(auth: Sallyport) {
  const plugin = async (app: FastifyApp): Promise<void> => {
    app.addHook('onRequest', async (request, reply) => {
      try {
        if (request.url.startsWith(`${auth.paths.base}/`)) {
          // The body is read here, before the parsers of the application.
          const answer = await auth.handle(await toWebRequest(request.raw, request.url))
          if (answer) return await send(reply, answer)
        }
        const { session, setCookies } = await auth.resume(request)
        attach(request, session)
        if (setCookies.length > 0) reply.header('cache-control', 'no-store')
        if (setCookies.length > 0) reply.header('set-cookie', [...setCookies])
      } catch (error) {
        return await send(reply, refusalOf(auth, request, error))
      }
    })
  }
  // The hook is for the whole application, not for a scope of its own.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true })
}

/** A hook (`onRequest`, `preHandler`) that lets only signed-in users pass. */
export function requireSession(auth: Sallyport, demand: AuthenticationDemand = {}) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    try {
      demandSession(auth, request, demand)
    } catch (error) {
      return await send(reply, refusalOf(auth, request, error))
    }
  }
}
