// Refuses new requests while the event loop is stalled; those that were accepted are answered.
import underPressure from '@fastify/under-pressure'
import { RequestProblem } from '../refusal.ts'
import { plugin } from './plugin.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** False: answered however busy the process is, as a liveness probe must be. */
    shed?: false
  }
}

interface PressureOptions {
  /** Milliseconds that a turn of the event loop may take, on average over a second; 0: no request is refused. */
  readonly maxDelayMs: number
  /** Counts a refused request. */
  readonly shed: () => void
}

/** Milliseconds between samples of the event loop: how soon a stall is noticed, and how soon it is over. */
const sampleMs = 1000

/** Refuses requests below the scope that registers it while the event loop is stalled. */
export const pressure = plugin<PressureOptions>('pressure', async (api, { maxDelayMs, shed }) => {
  if (maxDelayMs === 0) return
  // The start is one long turn of the event loop; samples before and during it are ignored.
  let sampledFrom = Number.POSITIVE_INFINITY
  api.addHook('onListen', (done) => {
    sampledFrom = performance.now() + 2 * sampleMs
    done()
  })
  await api.register(underPressure, {
    maxEventLoopDelay: maxDelayMs,
    sampleInterval: sampleMs,
    pressureHandler(request) {
      if (request.declared.shed === false || performance.now() < sampledFrom) return
      shed()
      // Rejected, not thrown, so that the error handler answers it like every other refusal.
      return Promise.reject(new RequestProblem('service_unavailable', { retryAfterSeconds: 2 }))
    },
  })
})
