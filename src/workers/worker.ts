// A worker: the whole service as one instance among others, on a port that the primary process shares out.
import type { Server as HttpServer } from 'node:http'
import { Server as NetServer } from 'node:net'
import { isRetire, type ReadyMessage } from './messages.ts'

/** What a worker does with the app that it started. */
interface Served {
  readonly server: { readonly server: HttpServer }
  readonly url: string
  close(): Promise<void>
}

/**
 * Milliseconds that clients have to come back on connections that are open: longer than an idle one is kept, so that
 * none is closed while a request is on its way.
 */
const retireMs = 70_000

/**
 * Takes no new connections and lets those that are open end by themselves: each with its next answer, or when it was
 * idle for as long as any may be. Resolves when none is left, or after `patienceMs`.
 */
async function emptyOut(server: HttpServer, patienceMs: number): Promise<void> {
  server.prependListener('request', (_request, response) => {
    response.shouldKeepAlive = false
  })
  let timer: NodeJS.Timeout | undefined
  await Promise.race([
    // Not the server's own close, which cuts idle connections: a request may be on its way on any of them.
    new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve())),
    new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patienceMs)
    }),
  ])
  clearTimeout(timer)
}

/** Tells the primary process that this worker serves, and does what it is told from then on. */
export function serveAsWorker(app: Served, patienceMs = retireMs): void {
  // A terminal that closes reaches every process of the service; the primary process decides what that means.
  process.on('SIGHUP', () => {})
  let retiring = false
  process.on('message', async (message: unknown) => {
    if (!isRetire(message) || retiring) return
    retiring = true
    await emptyOut(app.server.server, patienceMs)
    await app.close()
    process.exit(0)
  })
  process.send?.({ workers: 'ready', url: app.url } satisfies ReadyMessage)
}
