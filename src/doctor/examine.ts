// Every check of `npx . doctor`, all at once, each with its own deadline.
import type { Config } from '../config.ts'
import { findRunningEmbedded } from '../database/embedded.ts'
import { readSecretKey } from '../database/secret-file.ts'
import { database } from './database.ts'
import { embeddedFiles } from './embedded.ts'
import { type Check, type Finding, within } from './finding.ts'
import { disk, hashing, nodeVerdict, proxyVerdict, secretFile, secretVerdict } from './here.ts'
import { mail, redis, self } from './neighbours.ts'
import { standby } from './standby.ts'

/** Milliseconds that one check may take. */
const deadlineMs = 4000

async function stored(config: Config): Promise<Finding[]> {
  const url = config.databaseUrl ?? (await findRunningEmbedded(config.dataDir).catch(() => null))
  const secret = config.secretKey ?? (await readSecretKey(config.dataDir))
  const secrets = [secret, config.previousSecretKey].filter((one) => one !== null)
  const ofSecret = secret ? [secretVerdict(secret)] : []
  if (!config.secretKey) ofSecret.push(...(await secretFile(config.dataDir)))
  return [
    ...ofSecret,
    ...(url ? await database(url, config, secrets) : [await embeddedFiles(config.dataDir)]),
  ]
}

/** Looks at everything. In: a configuration that could be read; whether to ask the service through its public address. */
export async function examine(config: Config, { url }: { url: boolean }): Promise<readonly Finding[]> {
  const { redisUrl, publicUrl, dataDir, databaseReadUrl, databasePooled } = config
  const checks: [name: string, check: Check][] = [
    ['node', async () => nodeVerdict(process.versions.node)],
    ['database', () => stored(config)],
    ['passwords', hashing],
    ['mail', () => mail(config)],
    ['proxies', async () => proxyVerdict(config)],
    ['disk', () => disk(dataDir)],
  ]
  if (redisUrl) checks.push(['redis', () => redis(redisUrl)])
  if (databaseReadUrl) checks.push(['standby', () => standby(databaseReadUrl, databasePooled)])
  if (url) checks.push(['public url', () => self(publicUrl)])
  const found = await Promise.all(checks.map(([name, check]) => within(deadlineMs, name, check)))
  return found.flat()
}
