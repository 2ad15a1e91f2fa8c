// Checks the servers that the service depends on: mail server, Redis, standby, and the service under its public URL.
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Config } from '../config/config.ts'
import { isMigrated } from '../database/migrations.ts'
import { openPool } from '../database/pool.ts'
import { isLoopback } from '../formats.ts'
import { reachSmtp } from '../mail/smtp-mailer.ts'
import { type Finding, findingsOn, reasonOf } from './finding.ts'
import { isWritable } from './installation.ts'

/** Milliseconds for a server to answer. */
const timeoutMs = 2000

/** Checks that mail can be sent, and how it is encrypted. No mail is sent. */
export async function checkMail({ smtpUrl, publicUrl, dataDir }: Config): Promise<Finding> {
  const { good, warning, bad } = findingsOn('mail')
  if (!smtpUrl) {
    const outbox = join(dataDir, 'outbox')
    if (!(await isWritable(outbox)))
      return bad`SMTP_URL is not set, and this user cannot write to ${outbox}, where mail is captured then. Set SMTP_URL.`
    return isLoopback(new URL(publicUrl).hostname)
      ? good`Mail is captured in ${outbox}.`
      : warning`Mails are not sent: they are captured in ${outbox} and reach no one. Set SMTP_URL.`
  }
  const { protocol, host, hostname, username, searchParams } = new URL(smtpUrl)
  try {
    await reachSmtp(smtpUrl, timeoutMs)
  } catch (error) {
    const refused = (error as { code?: unknown }).code === 'EAUTH'
    const part = refused ? 'user and password' : 'host and port'
    return bad`${host} takes no mail: ${reasonOf(error)}. Check ${part} of SMTP_URL; mail waits until then.`
  }
  const says = `${host} answers${username ? ' and accepts user and password' : ''}`
  if (protocol === 'smtps:') return good`${says}, over TLS.`
  if (searchParams.get('requireTLS') === 'true') return good`${says}, over STARTTLS.`
  if (isLoopback(hostname)) return good`${says}.`
  return warning`${says}, encrypted only if it offers STARTTLS. Add ?requireTLS=true to SMTP_URL.`
}

/** Checks that Redis can count requests for all instances. */
export async function checkRedis(url: string): Promise<Finding> {
  const { good, bad } = findingsOn('redis')
  const client = new Redis(url, {
    connectionName: 'sallyport-doctor',
    connectTimeout: timeoutMs,
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  })
  let reason: unknown
  client.on('error', (error) => {
    reason = error
  })
  try {
    await client.connect()
    await client.ping()
    return good`It answers.`
  } catch (error) {
    return bad`It cannot be used (${reasonOf(reason ?? error)}), so each instance counts requests by itself. Check REDIS_URL.`
  } finally {
    client.disconnect()
  }
}

/**
 * Checks that the standby answers, is a standby, and has the tables of this version.
 * @param pooled whether it is reached through a pooler in transaction mode
 */
export async function checkStandby(url: string, pooled: boolean): Promise<Finding> {
  const { good, bad } = findingsOn('standby')
  const meanwhile = 'Until then everything is read from the primary.'
  const waits = { answerMs: timeoutMs, waitMs: timeoutMs }
  const sql = openPool(url, { connections: 1, name: 'sallyport-doctor', pooled, ...waits })
  try {
    const [row] = await sql`select pg_is_in_recovery() as standby`
    if (!row?.standby)
      return bad`DATABASE_READ_URL leads to a server that takes writes, which is no standby. Point it to one that streams from the primary, or unset it. ${meanwhile}`
    if (!(await isMigrated(sql)))
      return bad`It has the tables of an earlier version. Migrate the primary (npx . migrate), and check that the standby streams from it. ${meanwhile}`
    return good`It answers and has the tables of this version.`
  } catch (error) {
    return bad`It cannot be used: ${reasonOf(error)}. Check that it runs, and that DATABASE_READ_URL is right. ${meanwhile}`
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Checks that the service answers under its public URL. */
export async function checkPublicUrl(publicUrl: string): Promise<Finding> {
  const { good, bad } = findingsOn('public url')
  try {
    const answer = await fetch(`${publicUrl}/health/live`, { signal: AbortSignal.timeout(timeoutMs) })
    if (answer.ok) return good`${publicUrl} leads to a service that runs.`
    return bad`${publicUrl}/health/live answers ${answer.status}. Another service is there: check PUBLIC_URL and the proxy.`
  } catch (error) {
    return bad`${publicUrl} cannot be reached from here (${reasonOf(error)}). Check PUBLIC_URL and the proxy.`
  }
}
