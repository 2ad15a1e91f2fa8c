// A stalled event loop answers what it has and refuses the rest at once, in the shape of whoever is asked.
import underPressure from '@fastify/under-pressure'
import { RequestProblem } from '../refusal.ts'
import { plugin } from './plugin.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** False: answered however busy the process is; what tells whether it lives must not say that it does not. */
    shed?: false
  }
}

export interface PressureOptions {
  /** Milliseconds that a turn of the event loop may take, on average over a second; 0: nothing is ever refused. */
  readonly maxDelayMs: number
  /** Told of every request that was refused. */
  readonly shed: () => void
}

/** Milliseconds between looks at the event loop: how soon a stall is seen, and how soon it is over. */
const sampleMs = 1000

/** Refuses requests below the scope that registers it while the event loop is stalled. */
export const pressure = plugin<PressureOptions>('pressure', async (api, { maxDelayMs, shed }) => {
  if (maxDelayMs === 0) return
  // A start is one long turn: what is measured before and during it says nothing of the service.
  let judgedFrom = Number.POSITIVE_INFINITY
  api.addHook('onListen', (done) => {
    judgedFrom = performance.now() + 2 * sampleMs
    done()
  })
  await api.register(underPressure, {
    maxEventLoopDelay: maxDelayMs,
    sampleInterval: sampleMs,
    pressureHandler(request) {
      if (request.routeOptions.config.shed === false || performance.now() < judgedFrom) return
      shed()
      // Rejected, not thrown: the refusal goes the way of every other one.
      return Promise.reject(new RequestProblem('service_unavailable', { retryAfterSeconds: 2 }))
    },
  })
})
