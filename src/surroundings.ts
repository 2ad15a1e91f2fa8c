// What the configuration says stands around this process besides its database: a mail server, a standby, a Redis.
import { join, relative } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import type { Config } from './config.ts'
import type { Pools } from './database/pools.ts'
import { openReplica, type Replica } from './database/replica.ts'
import type { SharedCounts } from './http/shared-counts.ts'
import { createCaptureMailer } from './mail/capture-mailer.ts'
import type { Mailer } from './mail/mailer.ts'
import { createSmtpMailer } from './mail/smtp-mailer.ts'
import { isUnavailable } from './repositories/availability.ts'

/** Sends by SMTP, or writes every mail to a file where there is no mail server. */
export function mailerFor(config: Config, log: FastifyBaseLogger): Mailer {
  if (config.smtpUrl) return createSmtpMailer({ url: config.smtpUrl, from: config.mailFrom })
  const directory = join(config.dataDir, 'outbox')
  return createCaptureMailer({
    directory,
    from: config.mailFrom,
    // Without a mail server this log is the mailbox: whoever reads it is the developer.
    onCaptured: ({ kind, link }, file) =>
      log.info(
        { kind, file: relative(process.cwd(), join(directory, file.split('/').pop() ?? '')), link },
        'Mail captured',
      ),
  })
}

/** A standby to read from; undefined where none is configured. */
export async function replicaFor(
  { databaseReadUrl, databasePooled }: Config,
  { housekeeping, role }: Pools,
  log: FastifyBaseLogger,
): Promise<Replica | undefined> {
  if (!databaseReadUrl) return undefined
  const say = (found: boolean, words: string, reason?: string) =>
    found ? log.info(words) : log.warn({ reason }, words)
  return openReplica({
    url: databaseReadUrl,
    primary: housekeeping,
    pooled: databasePooled,
    role,
    isAway: isUnavailable,
    say,
  })
}

/** Where instances count requests together; null where each counts for itself. In: 32 bytes, the same for all. */
export async function sharedCountsFor(
  { redisUrl }: Config,
  key: Buffer,
  log: FastifyBaseLogger,
): Promise<SharedCounts | null> {
  if (!redisUrl) return null
  // The client is loaded where it is needed: it costs every start time and memory.
  const { openSharedCounts } = await import('./http/shared-counts.ts')
  return openSharedCounts({ url: redisUrl, key, log })
}
