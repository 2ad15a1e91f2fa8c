// A worker: the whole service as one instance among others, on a port that the primary process shares out.
import type { Server as HttpServer } from 'node:http'
import { Server as NetServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { onMessage, toPrimary } from './messages.ts'

/** What a worker does with the app that it started. */
interface Served {
  readonly server: { readonly server: HttpServer }
  readonly url: string
  close(delayMs?: number): Promise<void>
}

/**
 * Milliseconds that clients have to come back on connections that are open: longer than an idle one is kept, so that
 * none is closed while a request is on its way.
 */
const retireMs = 70_000

/**
 * Takes no new connections and lets those that are open end by themselves: each with its next answer, or when it was
 * idle for as long as any may be. Resolves when none is left, or after `retireMs`.
 */
async function emptyOut(server: HttpServer): Promise<void> {
  server.prependListener('request', (_request, response) => {
    response.shouldKeepAlive = false
  })
  await Promise.race([
    // Not the server's own close, which cuts idle connections: a request may be on its way on any of them.
    new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve())),
    sleep(retireMs),
  ])
}

/** Reports to the primary process that this worker serves, and retires when it asks for that. */
export function serveAsWorker(app: Served): void {
  // A terminal that closes reaches every process of the service; the primary process decides what that means.
  process.on('SIGHUP', () => {})
  let retiring = false
  onMessage(process, 'retire', async () => {
    if (retiring) return
    retiring = true
    await emptyOut(app.server.server)
    await app.close(0)
    process.exit(0)
  })
  toPrimary({ kind: 'ready', url: app.url })
}
