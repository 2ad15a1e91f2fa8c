// Generates the documents and lists of openapi/ from the registered routes, without a database or a port.
import type { FastifyInstance, RouteOptions } from 'fastify'
import pino from 'pino'
import { refreshKey } from '../crypto/refresh-secret.ts'
import { generateSigningKey } from '../crypto/signing-key.ts'
import type { Services } from '../domain/context.ts'
import { reachOf, roleHas, roles } from '../domain/operators/roles.ts'
import { version } from '../package.ts'
import { createServer } from './server.ts'
import { contractNames } from './server-options.ts'
import { createTokens } from './tokens.ts'

/** Services that throw: no route is called while the documents are generated. */
const noServices = new Proxy({} as Services, {
  get: (_services, part) => new Proxy({}, { get: (_part, name) => () => refuse(part, name) }),
})
function refuse(...path: (string | symbol)[]): never {
  throw new Error(`The documents are generated without services; ${path.map(String).join('.')} was called.`)
}

function routeLine(route: RouteOptions): string {
  const responses = (route.schema?.response ?? {}) as Record<string, { 'x-codes'?: string[] }>
  // A product's answers have no codes of ours: their statuses are listed instead.
  const codes = Object.entries(responses).flatMap(
    ([status, response]) => response['x-codes'] ?? (Number(status) >= 400 ? [status] : []),
  )
  const { access, key = '-', limit, csrf } = route.config ?? {}
  const once = route.config?.idempotent ? 'once' : '-'
  const guarded = (csrf ?? access !== 'open') && route.method !== 'GET' ? 'csrf' : '-'
  return [
    String(route.method).padEnd(6),
    route.url.padEnd(34),
    String(access).padEnd(8),
    key.padEnd(14),
    guarded.padEnd(5),
    String(limit).padEnd(11),
    once.padEnd(4),
    codes.join(' '),
  ].join(' ')
}

/** Which roles may call a route of the admin API, as a line of roles.txt. */
function roleLine({ method, url, config }: RouteOptions): string[] {
  if (!config?.permission) return []
  const { permission } = config
  const marks = roles.map((role) => (roleHas(role, permission) ? role : '-').padEnd(8))
  const line = [String(method).padEnd(6), url.padEnd(58), permission.padEnd(22)]
  return [[...line, reachOf(permission).padEnd(12), ...marks].join(' ').trimEnd()]
}

const sorted = (lines: readonly string[]) =>
  `${lines.toSorted((a, b) => (a.slice(7) < b.slice(7) ? -1 : 1)).join('\n')}\n`

/**
 * Generates the documents, routes.txt and roles.txt: the same bytes for the same routes.
 * @param build creates the server
 * @returns content by file name
 * @throws Error for a document that is answered with an error
 */
export async function generateDocuments(build = createServer): Promise<Record<string, string>> {
  const routes: RouteOptions[] = []
  const publicUrl = 'http://127.0.0.1:3000'
  const key = refreshKey(Buffer.alloc(32))
  const server: FastifyInstance = await build({
    services: noServices,
    tokens: await createTokens([{ ...(await generateSigningKey()), state: 'current' }], {
      publicUrl,
      refreshKey: key,
      now: Date.now,
    }),
    refreshKeys: [key],
    publicUrl,
    version,
    cookieSecure: false,
    nodeloomCookie: 'nodeloom_session',
    credeblCryptoKey: null,
    trustedProxies: [],
    defaultProjectId: null,
    playground: true,
    inbox: null,
    contracts: contractNames,
    contractProjectId: '00000000-0000-4000-8000-000000000000',
    isReady: async () => false,
    isUnavailable: () => false,
    metrics: { answered() {}, limited() {}, lockedOut() {}, shed() {} },
    metricsRoute: { scrape: async () => '', mediaType: 'text/plain', token: null },
    maxEventLoopDelayMs: 0,
    tracing: null,
    logger: pino({ level: 'silent' }),
    onRoute(route) {
      if (route.method !== 'HEAD' && route.config?.access) routes.push(route)
    },
  })
  await server.ready()
  const documents: Record<string, string> = {}
  for (const name of ['auth', 'admin', ...contractNames]) {
    const document = await server.inject(`/openapi/${name}.json`)
    if (document.statusCode !== 200) throw new Error(`${name}.json cannot be made: ${document.body}`)
    documents[`${name}.json`] = `${JSON.stringify(document.json(), null, 2)}\n`
  }
  await server.close()
  const lines = routes.map((route) => routeLine(route).trimEnd())
  return {
    ...documents,
    'routes.txt': sorted(lines),
    'roles.txt': sorted(routes.flatMap(roleLine)),
  }
}
