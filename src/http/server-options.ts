// The options of the server.
import type { FastifyBaseLogger, RouteOptions } from 'fastify'
import type { RefreshKey } from '../crypto/refresh-secret.ts'
import type { Services } from '../domain/context.ts'
import type { Inbox } from '../mail/inbox.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Tracing } from '../observability/tracing.ts'
import type { Deprecation } from './deprecations.ts'
import type { Counter } from './rate-limit-memory.ts'
import type { MetricsRoute } from './routes/metrics.ts'
import type { Tokens } from './tokens.ts'

export const contractNames = ['nodeloom', 'credebl', 'nora'] as const
export type ContractName = (typeof contractNames)[number]

export interface ServerOptions {
  readonly services: Services
  readonly tokens: Tokens
  /** Keys of refresh tokens, the newest first; tokens under any of them are accepted. */
  readonly refreshKeys: readonly [RefreshKey, ...RefreshKey[]]
  readonly publicUrl: string
  readonly version: string
  readonly cookieSecure: boolean
  readonly nodeloomCookie: string
  /** Passphrase of passwords that clients of CREDEBL encrypt; null: such passwords are refused. */
  readonly credeblCryptoKey: string | null
  readonly trustedProxies: readonly string[]
  /** The project of requests that name none; null: the header is required. */
  readonly defaultProjectId: string | null
  /** Whether /playground is served. */
  readonly playground: boolean
  /** Captured mails and previews for /inbox; null: /inbox is not served. */
  readonly inbox: Inbox | null
  /** Contracts of other products to mount, and the project that they work on. */
  readonly contracts: readonly ContractName[]
  readonly contractProjectId: string
  /** Counts rate limits; default: in the memory of this process. */
  readonly counter?: Counter
  readonly isReady: () => Promise<boolean>
  /** Whether an error means that the database cannot be reached or cannot write. */
  readonly isUnavailable: (error: unknown) => boolean
  readonly metrics: Pick<Metrics, 'answered' | 'limited' | 'lockedOut' | 'shed'>
  /** The metrics of GET /metrics, and the token that it requires. */
  readonly metricsRoute: Omit<MetricsRoute, 'publicUrl'>
  /** Milliseconds of a turn of the event loop beyond which requests are refused; 0: never. */
  readonly maxEventLoopDelayMs: number
  /** Null: requests are not traced. */
  readonly tracing: Tracing | null
  readonly logger: FastifyBaseLogger
  /** The deprecated routes and fields; default: the table of this version. */
  readonly deprecations?: readonly Deprecation[]
  /** Called with every route as it is registered; openapi/routes.txt is generated from them. */
  readonly onRoute?: (route: RouteOptions) => void
}
