// The hash chain of the security log: seals rows, and lets retention delete the oldest rows without breaking the chain.
//
// The HMAC of a row covers the row, its position and the HMAC before it. Its key is random for each project and stored sealed under
// SECRET_KEY. So an attacker who can write to the database, but does not have SECRET_KEY, cannot change, remove, insert or reorder
// sealed rows without being noticed.
import { randomBytes } from 'node:crypto'
import { seal, unseal } from '../../crypto/seal.ts'
import { keyedHash } from '../../crypto/secrets.ts'
import type { SecurityEventName } from '../../repositories/audit/security-log.ts'
import * as rows from '../../repositories/audit/security-log-chain.ts'
import type { UnscopedDatabase } from '../../repositories/database.ts'
import type { Services } from '../context.ts'
import { AuthError } from '../errors.ts'
import { type Acting, byCommandLine, installationId, recordAct } from './operator-acts.ts'

export type ChainServices = Pick<Services, 'stores'> & { readonly keys: Pick<Services['keys'], 'sealing'> }

/** The predecessor of the first row's hash. */
const origin = Buffer.alloc(32)

/** The context to which the seal of a chain's key is bound. */
export const sealContext = (projectId: string) => `security-log/${projectId}`

/** Computes the hash of a row at a position. @param before the hash of the previous position */
export const hashOf = (key: Buffer, before: Buffer, position: number, row: rows.SealableRow): Buffer =>
  keyedHash(
    key,
    before,
    JSON.stringify([
      position,
      row.id,
      row.at.toISOString(),
      row.event,
      row.outcome,
      row.actor,
      row.account,
      row.addressHash?.toString('hex') ?? null,
      row.addressPrefix,
      row.userAgent,
      row.sessionId,
      row.details,
    ]),
  )

/** Computes the HMAC of one end of a chain. */
export const endMac = (
  key: Buffer,
  end: 'anchor' | 'head',
  projectId: string,
  position: number,
  hash: Buffer,
) => keyedHash(key, end, projectId, String(position), hash)

function newChain({ keys }: ChainServices, projectId: string): rows.ChainRow {
  const key = randomBytes(32)
  return {
    projectId,
    key: seal(keys.sealing[0], key, sealContext(projectId)),
    anchorPosition: 0,
    anchorHash: origin,
    anchorMac: endMac(key, 'anchor', projectId, 0, origin),
    headPosition: 0,
    headHash: origin,
    headMac: endMac(key, 'head', projectId, 0, origin),
  }
}

/** Rows sealed in one transaction. */
export const batch = 1000

/**
 * Seals the rows that are not sealed, in the order in which they became visible.
 * @returns how many; a chain that another job seals at the same time is skipped
 */
export async function sealSecurityLog(services: ChainServices): Promise<number> {
  const { unscoped } = services.stores
  let sealed = 0
  for (const projectId of await rows.listUnsealedProjects(unscoped, 1000))
    for (let more = batch; more === batch; sealed += more)
      more = await unscoped.transaction((tx) => sealBatch(services, tx, projectId))
  return sealed
}

async function sealBatch(services: ChainServices, tx: UnscopedDatabase, projectId: string): Promise<number> {
  await rows.insertChain(tx, newChain(services, projectId))
  const chain = await rows.lockChain(tx, projectId)
  const key = chain && unseal(services.keys.sealing, chain.key, sealContext(projectId))
  if (!chain || !key) return 0
  const unsealed = await rows.listUnsealed(tx, projectId, batch)
  if (unsealed.length === 0) return 0
  let { headPosition: position, headHash: hash } = chain
  const seals = unsealed.map((row) => {
    position += 1
    hash = hashOf(key, hash, position, row)
    return { id: row.id, position, hash }
  })
  await rows.sealRows(tx, projectId, seals)
  const headMac = endMac(key, 'head', projectId, position, hash)
  await rows.updateChain(tx, projectId, { headPosition: position, headHash: hash, headMac })
  return seals.length
}

/**
 * Deletes the oldest sealed rows of each project by the policy key `audit.retention_days`, and moves the anchor of its chain. Rows of
 * the installation are kept for the default time.
 * @returns how many rows
 */
export async function sweepSecurityLog(
  services: ChainServices & Pick<Services, 'projects'>,
): Promise<number> {
  const { unscoped } = services.stores
  let deleted = 0
  for (const { projectId } of await rows.listChains(unscoped)) {
    const days = await retentionDays(services, projectId)
    for (let more = batch; more === batch; deleted += more)
      more = await unscoped.transaction((tx) => sweepBatch(services, tx, projectId, days))
  }
  return deleted
}

/** Retention of the rows of the installation and of deleted projects. */
const defaultRetentionDays = 400

async function retentionDays({ projects }: Pick<Services, 'projects'>, projectId: string): Promise<number> {
  if (projectId === installationId) return defaultRetentionDays
  try {
    return (await projects.getAny(projectId)).policy.audit.retention_days
  } catch (error) {
    if (error instanceof AuthError && error.code === 'project_unknown') return defaultRetentionDays
    throw error
  }
}

async function sweepBatch(
  { keys }: ChainServices,
  tx: UnscopedDatabase,
  projectId: string,
  days: number,
): Promise<number> {
  const chain = await rows.lockChain(tx, projectId)
  const key = chain && unseal(keys.sealing, chain.key, sealContext(projectId))
  if (!chain || !key) return 0
  const last = await rows.findExpiredPosition(tx, chain, days, batch)
  if (!last) return 0
  const { position: anchorPosition, hash: anchorHash } = last
  const anchorMac = endMac(key, 'anchor', projectId, anchorPosition, anchorHash)
  await rows.updateChain(tx, projectId, { anchorPosition, anchorHash, anchorMac })
  return rows.deleteSealed(tx, projectId, anchorPosition)
}

/** Writes an operator's act that concerns no single project to the security log. */
export function recordInstallationAct(
  { stores }: Pick<Services, 'stores'>,
  event: SecurityEventName,
  acting: Acting = byCommandLine,
): Promise<void> {
  return recordAct(stores.unscoped, acting, installationId, event)
}

/** Seals the keys of all chains under the newest sealing key. @returns how many had an older one */
export function resealChains(services: ChainServices): Promise<number> {
  const { stores, keys } = services
  return stores.unscoped.transaction(async (tx) => {
    let resealed = 0
    for (const { projectId } of await rows.listChains(tx)) {
      const chain = await rows.lockChain(tx, projectId)
      const context = sealContext(projectId)
      if (!chain || unseal([keys.sealing[0]], chain.key, context)) continue
      const key = unseal(keys.sealing, chain.key, context)
      if (!key) continue
      await rows.updateChain(tx, projectId, { key: seal(keys.sealing[0], key, context) })
      resealed += 1
    }
    return resealed
  })
}
