// Counts every answered request by the template of its route, its method and its status.
import type { Metrics } from '../../observability/metrics.ts'
import { plugin } from './plugin.ts'

/** Counts every request below the scope that registers it. */
export const countedRequests = plugin<{ metrics: Pick<Metrics, 'answered'> }>(
  'counted-requests',
  async (api, { metrics }) => {
    api.addHook('onResponse', (request, reply, done) => {
      metrics.answered(request.method, request.declared.url, reply.statusCode, reply.elapsedTime / 1000)
      done()
    })
  },
)
