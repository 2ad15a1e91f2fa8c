// Verifies the hash chain of the security log and names the first row that was changed, removed or inserted.
import { timingSafeEqual } from 'node:crypto'
import { unseal } from '../../crypto/seal.ts'
import * as rows from '../../repositories/audit/security-log-chain.ts'
import type { UnscopedDatabase } from '../../repositories/database.ts'
import { batch, type ChainServices, endMac, hashOf, sealContext } from './chain.ts'

export interface ChainVerdict {
  readonly projectId: string
  /** Sealed rows that were read. */
  readonly rows: number
  /** Rows that are not sealed yet. */
  readonly unsealed: number
  /** Position and hash (hexadecimal) of the last sealed row; null: there is none. */
  readonly head: { readonly position: number; readonly hash: string } | null
  /** True: no master secret opens the key of the chain, so no row was checked. */
  readonly isClosed?: true
  /** A sentence with the first problem; null: the chain is intact. */
  readonly broken: string | null
}

/** Verifies the chain of one project, or of all that have rows or a chain. @param projectId null: all */
export async function verifySecurityLog(
  services: ChainServices,
  projectId: string | null,
): Promise<ChainVerdict[]> {
  const { unscoped } = services.stores
  const ids = projectId === null ? await rows.listLoggedProjects(unscoped) : [projectId]
  const verdicts: ChainVerdict[] = []
  for (const id of ids) verdicts.push(await verifyProject(services, id))
  return verdicts
}

/** Verifies a chain, and again if retention deleted its first rows during the verification: they are not missing. */
async function verifyProject(services: ChainServices, projectId: string): Promise<ChainVerdict> {
  const { unscoped } = services.stores
  const before = await rows.findChain(unscoped, projectId)
  const verdict = await verifyChain(services, projectId, before)
  if (verdict.broken === null) return verdict
  const after = await rows.findChain(unscoped, projectId)
  const isMoved = after?.anchorPosition !== before?.anchorPosition
  return isMoved ? verifyChain(services, projectId, after) : verdict
}

async function verifyChain(
  { stores: { unscoped }, keys }: ChainServices,
  projectId: string,
  chain: rows.ChainRow | null,
): Promise<ChainVerdict> {
  const loose = await rows.countOutsideChain(unscoped, projectId, chain?.anchorPosition ?? 0)
  const verdict = { projectId, rows: 0, unsealed: loose.unsealed, head: null }
  if (!chain) {
    const [stray] = await rows.listSealed(unscoped, projectId, 0, 1)
    return { ...verdict, broken: stray ? `Row ${stray.id} is sealed, but the project has no chain.` : null }
  }
  const { anchorPosition, anchorHash, headPosition, headHash } = chain
  const key = unseal(keys.sealing, chain.key, sealContext(projectId))
  if (!key)
    return { ...verdict, isClosed: true, broken: 'The key of the chain cannot be opened with SECRET_KEY.' }
  const head = headPosition > 0 ? { position: headPosition, hash: headHash.toString('hex') } : null
  const isEnd = (end: 'anchor' | 'head', position: number, hash: Buffer, mac: Buffer) =>
    timingSafeEqual(endMac(key, end, projectId, position, hash), mac)
  if (!isEnd('anchor', anchorPosition, anchorHash, chain.anchorMac))
    return {
      ...verdict,
      head,
      broken: `The beginning of the chain, after position ${anchorPosition}, was changed.`,
    }
  if (!isEnd('head', headPosition, headHash, chain.headMac))
    return { ...verdict, head, broken: `The end of the chain, position ${headPosition}, was changed.` }
  if (loose.beforeAnchor > 0)
    return {
      ...verdict,
      head,
      broken: `There are rows up to position ${anchorPosition}, which retention had deleted.`,
    }
  const walked = await walk(unscoped, key, chain)
  return { ...verdict, head, ...walked }
}

/** Follows a chain from its anchor to its head. Rows sealed during the verification come after that head and are not read. */
async function walk(
  db: UnscopedDatabase,
  key: Buffer,
  { projectId, anchorPosition, anchorHash, headPosition, headHash }: rows.ChainRow,
): Promise<Pick<ChainVerdict, 'rows' | 'broken'>> {
  let position = anchorPosition
  let hash = anchorHash
  const read = () => position - anchorPosition
  while (position < headPosition) {
    const page = await rows.listSealed(db, projectId, position, batch)
    for (const row of page) {
      if (position === headPosition) break
      if (row.position !== position + 1) return { rows: read(), broken: missing(position + 1) }
      hash = hashOf(key, hash, position + 1, row)
      if (!row.hash || !hash.equals(row.hash))
        return {
          rows: read(),
          broken: `Row ${row.id} at position ${row.position} (${row.at.toISOString()}, ${row.event}) was changed or inserted, or the one before it was replaced.`,
        }
      position += 1
    }
    if (page.length < batch && position < headPosition) return { rows: read(), broken: missing(position + 1) }
  }
  if (!hash.equals(headHash)) return { rows: read(), broken: `The row at position ${position} was replaced.` }
  return { rows: read(), broken: null }
}

const missing = (position: number) => `The row at position ${position} is missing.`
