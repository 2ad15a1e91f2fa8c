// A TCP proxy between the service and its database that simulates failures of networks and servers.
import { createConnection, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface FaultyProxy {
  readonly port: number
  /** `url` with this proxy as host and port. */
  through(url: string): string
  /** The number of open connections. */
  readonly connections: number
  /** Closes every connection at once and accepts new ones. */
  cut(): void
  /** Closes every connection and refuses new ones, until restore(). */
  refuse(): Promise<void>
  /** Holds all bytes of old and new connections back, until restore(). */
  stall(): void
  /**
   * Silences the open connections, or those with the application name `name`, for good without closing them; new ones
   * work.
   */
  forget(name?: string): void
  /** Delays every chunk of both directions by `ms`; 0: no delay. */
  delay(ms: number): void
  /** Ends all failures. */
  restore(): Promise<void>
  close(): Promise<void>
}

interface Pair {
  readonly near: Socket
  readonly far: Socket
  /** The application name that the client sent to PostgreSQL. */
  greeting: string
  forgotten: boolean
}

/** Listens on a free port of 127.0.0.1 and forwards to the host and port of `url`. */
export async function startProxy(url: string): Promise<FaultyProxy> {
  const target = new URL(url)
  const pairs = new Set<Pair>()
  let stalled = false
  let delayMs = 0

  const server = createServer({ pauseOnConnect: true }, (near) => {
    const far = createConnection({ host: target.hostname, port: Number(target.port || 5432) })
    const pair: Pair = { near, far, greeting: '', forgotten: false }
    pairs.add(pair)
    near.once('data', (chunk) => {
      pair.greeting = String(chunk)
    })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      let line = Promise.resolve()
      let waiting = 0
      from.on('data', (chunk) => {
        if (delayMs === 0 && waiting === 0) return to.write(chunk)
        const due = performance.now() + delayMs
        waiting++
        // One after another, to keep the order of chunks.
        line = line.then(async () => {
          await sleep(Math.max(0, due - performance.now()))
          waiting--
          to.write(chunk)
        })
      })
      from.on('error', () => {})
      from.on('end', () => {
        if (!pair.forgotten) to.end()
      })
      from.on('close', () => {
        if (pair.forgotten && from === far) return
        pairs.delete(pair)
        to.destroy()
      })
    }
    if (stalled) pause(pair)
    else near.resume()
  })

  const pause = ({ near, far }: Pair) => {
    near.pause()
    far.pause()
  }
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', () => {
        server.off('error', reject)
        resolve()
      })
    })
  const cut = () => {
    for (const { near, far } of pairs) {
      near.resetAndDestroy()
      far.destroy()
    }
    pairs.clear()
  }

  await listen(0)
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    port,
    through(direct) {
      const proxied = new URL(direct)
      proxied.hostname = '127.0.0.1'
      proxied.port = String(port)
      return proxied.href
    },
    get connections() {
      return pairs.size
    },
    cut,
    async refuse() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      cut()
      await closed
    },
    stall() {
      stalled = true
      pairs.forEach(pause)
    },
    forget(name) {
      for (const pair of pairs) {
        if (name && !pair.greeting.includes(`\0application_name\0${name}\0`)) continue
        pair.forgotten = true
        pause(pair)
      }
    },
    delay(ms) {
      delayMs = ms
    },
    async restore() {
      stalled = false
      delayMs = 0
      for (const pair of pairs) {
        if (pair.forgotten) continue
        pair.near.resume()
        pair.far.resume()
      }
      if (!server.listening) await listen(port)
    },
    async close() {
      const closed = server.listening
        ? new Promise<void>((resolve) => server.close(() => resolve()))
        : Promise.resolve()
      cut()
      await closed
    },
  }
}
