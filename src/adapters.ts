// The parts that the configuration chooses: databases, mail server, providers, Redis, traces.
import { basename, join, relative } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import type { Config } from './config/config.ts'
import { ChangeFeed } from './database/change-feed.ts'
import { deriveLogins, loginUrl } from './database/logins.ts'
import { migrateDatabase } from './database/migrations.ts'
import { openPools, type Pools } from './database/pools.ts'
import { Replica } from './database/replica.ts'
import type { Counter } from './http/rate-limit-memory.ts'
import type { RedisCounter } from './http/rate-limit-redis.ts'
import { createCaptureMailer } from './mail/capture-mailer.ts'
import { type Inbox, openInbox } from './mail/inbox.ts'
import type { Mailer } from './mail/mailer.ts'
import { createSmtpMailer } from './mail/smtp-mailer.ts'
import type { Metrics } from './observability/metrics.ts'
import { startTracing, type Tracing } from './observability/tracing.ts'
import { createOldSystemCheck, type OldSystemCheck } from './outgoing/old-system.ts'
import { type WebhookSender, webhookSender } from './outgoing/webhook-sender.ts'
import { version } from './package.ts'
import { isUnavailable } from './repositories/availability.ts'
import { statementName } from './repositories/database.ts'
import { type BreachedRange, createBreachedRange } from './social/breached-range.ts'
import type { Provider } from './social/profile.ts'
import { createProviders, type Providers } from './social/providers.ts'

/**
 * Migrates the database and opens its pools.
 * @param secrets master secrets, newest first: the service's logins follow from them
 */
export async function migratedPoolsFor(
  url: string,
  { databaseConnections: connections, databasePooled: pooled, databaseOwnerUrl: ownerUrl }: Config,
  secrets: readonly [string, ...string[]],
  parts: {
    readonly log: FastifyBaseLogger
    readonly metrics: Pick<Metrics, 'connectionWaited'>
    readonly tracing: Tracing | null
  },
): Promise<Pools> {
  const { log, metrics, tracing } = parts
  const warn = (line: string) => log.warn(line)
  // A pooler knows only the roles that it was told of, and an owner apart means that the role of the URL was chosen.
  const wanted = pooled || ownerUrl !== null ? null : deriveLogins(url, secrets)
  const isReady = await migrateDatabase(url, { pooled, ownerUrl, warn, logins: wanted })
  const logins = isReady ? wanted : null
  const { connectionWaited: waited } = metrics
  return openPools(url, { connections, pooled, waited, watch: tracing?.statement, warn, logins })
}

/** Opens the change feed; undefined where sessions are not cached or a pooler is in between. */
export function changeFeedFor(
  { sessionCache, databasePooled }: Config,
  { unscoped: pool, serviceUrl: url }: Pools,
  log: FastifyBaseLogger,
): ChangeFeed | undefined {
  if (!sessionCache || databasePooled) return undefined
  const say = (isConnected: boolean, sentence: string, err?: unknown) =>
    isConnected ? log.info(sentence) : log.warn({ err }, sentence)
  return new ChangeFeed({ url, pool, say })
}

/** Opens the standby to read from; undefined where none is configured. */
export async function replicaFor(
  { databaseReadUrl, databasePooled }: Config,
  { unscoped, role, login }: Pools,
  log: FastifyBaseLogger,
): Promise<Replica | undefined> {
  if (!databaseReadUrl) return undefined
  const say = (found: boolean, words: string, reason?: string) =>
    found ? log.info(words) : log.warn({ reason }, words)
  const url = login ? loginUrl(databaseReadUrl, login) : databaseReadUrl
  const servers = { url, primary: unscoped, pooled: databasePooled, role }
  return Replica.open({ ...servers, isAway: isUnavailable, say })
}

/** Starts sending traces; null where no endpoint is configured. */
export async function tracingFor({ tracing }: Config, log: FastifyBaseLogger): Promise<Tracing | null> {
  const onTrouble = (reason: string) => log.warn({ reason }, 'Traces could not be sent')
  return tracing && startTracing(tracing, { version, statementName, onTrouble })
}

/**
 * Prepares the calls to other services: providers of social sign-in, lists of breached passwords, receivers of webhooks, old systems
 * of lazy moves.
 */
export function outgoingCallsFor(
  { providerSecrets: secrets, importSecrets }: Config,
  log: FastifyBaseLogger,
): {
  providers: Providers
  breachedRange: BreachedRange
  webhookSender: WebhookSender
  askOldSystem: OldSystemCheck
} {
  const onTrouble = (provider: string, error: unknown) =>
    log.warn({ provider, err: error }, 'A provider cannot be asked')
  const isNews = onceEach()
  const onRefused = ({ name: provider, issuer }: Provider, reason: string) => {
    if (isNews(`${issuer} ${reason}`))
      log.warn({ provider, issuer, reason }, 'A proof of a provider is refused')
  }
  return {
    webhookSender,
    askOldSystem: createOldSystemCheck({
      secrets: importSecrets,
      onTrouble: (host, reason) =>
        log.error(
          { host, reason },
          'The old system of a lazy move cannot be relied on: nobody who is not moved yet signs in. One that takes a random password is not asked again (import.verify_until)',
        ),
    }),
    providers: createProviders({ secrets, onTrouble, onRefused }),
    breachedRange: createBreachedRange((host, err) =>
      log.warn({ host, err }, 'A breached-password service cannot be asked: passwords pass without it'),
    ),
  }
}

/** Number of texts that are remembered, so that a log line is not repeated. */
const maxRemembered = 1000

/** @returns whether a text is asked for the first time; when too many are remembered, all are forgotten */
function onceEach(): (text: string) => boolean {
  const told = new Set<string>()
  return (text) => {
    if (told.has(text)) return false
    if (told.size >= maxRemembered) told.clear()
    told.add(text)
    return true
  }
}

const mailsAreNotSent =
  'Mails are not sent: SMTP_URL is not set, so they are captured in files and reach no one. Set SMTP_URL.'

const outboxOf = ({ dataDir }: Config) => join(dataDir, 'outbox')

/** Opens the captured mails, for a developer at this machine; null where they must not be shown. */
export function inboxFor(config: Config): Inbox | null {
  return config.inbox ? openInbox(outboxOf(config)) : null
}

/** Sends mail by SMTP, or writes every mail to a file where no mail server is configured. */
export function mailerFor(config: Config, log: FastifyBaseLogger): Mailer {
  if (config.smtpUrl) return createSmtpMailer({ url: config.smtpUrl, from: config.mailFrom })
  const directory = outboxOf(config)
  if (!config.isLocal) log.warn({ directory }, mailsAreNotSent)
  return createCaptureMailer({
    directory,
    from: config.mailFrom,
    // Only on a developer's own machine: a link opens an account.
    onCaptured({ kind, link }, file) {
      const where = relative(process.cwd(), join(directory, basename(file)))
      log.info({ kind, file: where, ...(config.isLocal && { link }) }, 'Mail captured')
    },
  })
}

/**
 * Opens the Redis in which instances count requests together; null where each counts for itself.
 * @param key 32 bytes, the same for all instances
 */
export async function redisCounterFor(
  { redisUrl }: Config,
  key: Buffer,
  local: Counter,
  log: FastifyBaseLogger,
): Promise<RedisCounter | null> {
  if (!redisUrl) return null
  // Loaded only where it is used: the client costs every start time and memory.
  const { openRedisCounter } = await import('./http/rate-limit-redis.ts')
  return openRedisCounter({ url: redisUrl, key, local, log })
}
