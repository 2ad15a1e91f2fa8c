// Revocation by introspection (RFC 7662): the service is asked about each token, and its answer kept for a few seconds.
import { SallyportError, ServiceUnavailableError } from './errors.js'
import type { Revocation } from './revocation.js'
import type { Wire } from './wire.js'

/** Milliseconds for which an answer is kept. */
const keptMs = 5000

interface Asked {
  readonly active: Promise<boolean>
  readonly until: number
}

/** Creates the check. `keptForMs` is 5000 by default. */
export function createIntrospection(wire: Wire, keptForMs = keptMs): Revocation {
  const asked = new Map<string, Asked>()

  async function isActive(token: string): Promise<boolean> {
    const { status, body } = await wire.asProject('/api/auth/introspect', {
      form: { token },
      timeoutMs: 5000,
    })
    if (status === 200) return (body as { active?: unknown }).active === true
    const cause = new Error(`Introspection was answered with ${status}: ${JSON.stringify(body)}`)
    if (status !== 401 && status !== 404) throw new ServiceUnavailableError(cause)
    const words = 'The service refuses projectId or projectSecret.'
    throw new SallyportError(503, 'service_unavailable', words, { cause })
  }

  return {
    async hasEnded({ accessToken }) {
      const now = performance.now()
      for (const [token, { until }] of asked) {
        if (until > now) break
        asked.delete(token)
      }
      let entry = asked.get(accessToken)
      if (!entry) {
        entry = { active: isActive(accessToken), until: now + keptForMs }
        asked.set(accessToken, entry)
        entry.active.catch(() => asked.delete(accessToken))
      }
      return !(await entry.active)
    },
    isCaughtUp: () => true,
    ready: async () => {},
    close: () => asked.clear(),
  }
}
