// Runs every check of `npx . doctor` at the same time, each with its own deadline.
import type { Config } from '../config/config.ts'
import { findRunningEmbedded } from '../database/embedded/embedded.ts'
import { readSecretKey } from '../database/secret-file.ts'
import { checkDatabase } from './database.ts'
import { checkMail, checkPublicUrl, checkRedis, checkStandby } from './dependencies.ts'
import { type Finding, within } from './finding.ts'
import {
  checkDisk,
  checkEmbeddedFiles,
  checkPasswords,
  checkSecretFile,
  nodeVerdict,
  proxyVerdict,
  secretVerdict,
} from './installation.ts'

/** Milliseconds that one check may take. */
const deadlineMs = 4000

/** The master secret, and the database that it belongs to. */
async function checkStorage(config: Config): Promise<Finding[]> {
  const url = config.databaseUrl ?? (await findRunningEmbedded(config.dataDir).catch(() => null))
  const secret = config.secretKey ?? (await readSecretKey(config.dataDir))
  const secrets = [secret, config.previousSecretKey].filter((one) => one !== null)
  const stored = url ? await checkDatabase(url, config, secrets) : [await checkEmbeddedFiles(config.dataDir)]
  // Of a secret that does not open this installation, the one thing to say is that it must be another.
  const isOurs = !stored.some(({ check, verdict }) => check === 'signing keys' && verdict === 'bad')
  const found = secret && isOurs ? [secretVerdict(secret)] : []
  if (!config.secretKey) found.push(...(await checkSecretFile(config.dataDir)))
  return [...found, ...stored]
}

/** Runs every check that the configuration needs. @param url whether to ask the service under its public URL too */
export async function examine(config: Config, { url }: { url: boolean }): Promise<readonly Finding[]> {
  const { redisUrl, publicUrl, dataDir, databaseReadUrl, databasePooled } = config
  const run = within.bind(null, deadlineMs)
  const found = await Promise.all([
    run('node', async () => nodeVerdict(process.versions.node)),
    run('database', () => checkStorage(config)),
    run('passwords', checkPasswords),
    run('mail', () => checkMail(config)),
    run('proxies', async () => proxyVerdict(config)),
    run('disk', () => checkDisk(dataDir)),
    redisUrl ? run('redis', () => checkRedis(redisUrl)) : [],
    databaseReadUrl ? run('standby', () => checkStandby(databaseReadUrl, databasePooled)) : [],
    url ? run('public url', () => checkPublicUrl(publicUrl)) : [],
  ])
  return found.flat()
}
