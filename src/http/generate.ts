// Derives what openapi/ holds from the routes as they are registered, without a database or a port.
import type { FastifyInstance, RouteOptions } from 'fastify'
import pino from 'pino'
import { refreshKey } from '../crypto/refresh-secret.ts'
import { generateSigningKey } from '../crypto/signing-key.ts'
import type { Domain } from '../domain/index.ts'
import { version } from '../package.ts'
import { createServer } from './server.ts'

/** A domain that no route calls while the routes are only listed; touching it anyway says so. */
const unreachable = new Proxy({} as Domain, {
  get: (_target, name) => (name === 'then' ? undefined : new Proxy({}, { get: () => refuse })),
})
function refuse(): never {
  throw new Error('The documents are generated without a domain.')
}

function routeLine(route: RouteOptions): string {
  const responses = (route.schema?.response ?? {}) as Record<string, { 'x-codes'?: string[] }>
  const codes = Object.values(responses).flatMap((response) => response['x-codes'] ?? [])
  const { access, limit } = route.config ?? {}
  const guarded = access !== 'open' && route.method !== 'GET' ? 'csrf' : '-'
  return [
    String(route.method).padEnd(6),
    route.url.padEnd(34),
    String(access).padEnd(8),
    guarded.padEnd(5),
    String(limit).padEnd(11),
    codes.join(' '),
  ].join(' ')
}

/** File name to content, the same bytes for the same routes. */
export async function generateDocuments(): Promise<Record<string, string>> {
  const lines: string[] = []
  const server: FastifyInstance = await createServer({
    domain: unreachable,
    keys: [{ ...generateSigningKey(), state: 'current' }],
    refreshKeys: [refreshKey(Buffer.alloc(32))],
    publicUrl: 'http://127.0.0.1:3000',
    version,
    cookieSecure: false,
    trustedProxies: [],
    defaultProjectId: null,
    isReady: async () => false,
    isUnavailable: () => false,
    logger: pino({ level: 'silent' }),
    onRoute(route) {
      if (route.method !== 'HEAD' && route.config?.access) lines.push(routeLine(route).trimEnd())
    },
  })
  await server.ready()
  const document = await server.inject('/openapi/auth.json')
  await server.close()
  return {
    'auth.json': `${JSON.stringify(document.json(), null, 2)}\n`,
    'routes.txt': `${lines.sort((a, b) => (a.slice(7) < b.slice(7) ? -1 : 1)).join('\n')}\n`,
  }
}
