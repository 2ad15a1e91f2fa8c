// What can be said of the other programs that the service needs: the mail server, Redis, and itself through its public address.
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Config } from '../config.ts'
import { reachSmtp } from '../mail/reach.ts'
import { bad, type Finding, good, reasonOf, warning } from './finding.ts'
import { isWritable } from './here.ts'

/** Milliseconds that a neighbour has. */
const patienceMs = 2000

const isOwnMachine = (url: string) => /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(new URL(url).hostname)

/** Whether a mail would leave, and by which way. */
export async function mail({ smtpUrl, publicUrl, dataDir }: Config): Promise<Finding> {
  if (!smtpUrl) {
    const outbox = join(dataDir, 'outbox')
    if (!(await isWritable(outbox)))
      return bad('mail', `No SMTP_URL, and ${outbox} cannot be written. Set one.`)
    return isOwnMachine(publicUrl)
      ? good('mail', `Captured in ${outbox}.`)
      : warning('mail', `Captured in ${outbox}: nobody gets any. Set SMTP_URL.`)
  }
  const { protocol, host, username, searchParams } = new URL(smtpUrl)
  try {
    await reachSmtp(smtpUrl, patienceMs)
  } catch (error) {
    const refused = (error as { code?: unknown }).code === 'EAUTH'
    const what = refused ? 'Look at user and password of SMTP_URL' : 'Check host and port of SMTP_URL'
    return bad('mail', `${host} takes none: ${reasonOf(error)}. ${what}; mail waits meanwhile.`)
  }
  const says = `${host} answers${username ? ' and lets us in' : ''}`
  if (protocol === 'smtps:') return good('mail', `${says}, by TLS from the first byte.`)
  if (searchParams.get('requireTLS') === 'true') return good('mail', `${says}, by STARTTLS.`)
  if (isOwnMachine(smtpUrl)) return good('mail', `${says}.`)
  return warning('mail', `${says}, encrypted only if it offers that. Add ?requireTLS=true to SMTP_URL.`)
}

/** Whether limits are counted for all instances together. */
export async function redis(url: string): Promise<Finding> {
  const client = new Redis(url, {
    connectionName: 'sallyport-doctor',
    connectTimeout: patienceMs,
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
    return good('redis', 'It answers.')
  } catch (error) {
    const why = reasonOf(reason ?? error)
    return bad('redis', `It cannot be used (${why}): each instance counts limits alone. Check REDIS_URL.`)
  } finally {
    client.disconnect()
  }
}

/** Whether the service is reached where people reach it. */
export async function self(publicUrl: string): Promise<Finding> {
  try {
    const answer = await fetch(`${publicUrl}/health/live`, { signal: AbortSignal.timeout(patienceMs) })
    if (answer.ok) return good('public url', `${publicUrl} leads to a service that runs.`)
    return bad(
      'public url',
      `${publicUrl}/health/live answers ${answer.status}. Something else is there: check PUBLIC_URL and the proxy.`,
    )
  } catch (error) {
    return bad(
      'public url',
      `${publicUrl} is not reached from here (${reasonOf(error)}). Check PUBLIC_URL and the proxy.`,
    )
  }
}
