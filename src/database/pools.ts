// The connections of a process, on both sides of the walls: the service's, which see one project at a time, and a few for
// what belongs to none.
import { DatabaseError } from './migrations.ts'
import { openPool, type Pool, type PoolOptions } from './pool.ts'
import { approachWalls } from './walls.ts'

export interface Pools {
  /** For the rows of one project at a time. */
  readonly service: Pool
  /** For what belongs to no project, or to whichever. */
  readonly housekeeping: Pool
  /** The role that the service's connections become; null: they stay who the URL says. */
  readonly role: string | null
  end(): Promise<void>
}

/** The courier, the sweeper and whoever looks for a project wait for each other, and hardly ever do. */
const housekeepers = 2

const standsOutside =
  'The role of DATABASE_URL is not the owner of the tables, and they were migrated without it in mind: set ' +
  'DATABASE_MIGRATION_URL to the URL of their owner, for one start or for npx . migrate.'

const standOpen =
  'The role of DATABASE_URL may get around row-level security and cannot become sallyport_service: nothing but our own ' +
  'filters stands between the projects. Connect as another role, or grant it sallyport_service (README.md, "Walls").'

/**
 * Opens both on a migrated database, and asks it first what the walls want of us. In: as for one pool; who is told that the
 * walls do not hold for the role of the URL. @throws DatabaseError where that role may not keep house
 */
export async function openPools(
  url: string,
  { warn, name = 'sallyport', ...options }: PoolOptions & { warn(line: string): void },
): Promise<Pools> {
  const { pooled = false } = options
  const housekeeping = openPool(url, {
    pooled,
    connections: housekeepers,
    name: `${name}-housekeeping`,
    everywhere: true,
  })
  const end = (pools: readonly Pool[]) => Promise.all(pools.map((pool) => pool.end({ timeout: 5 })))
  try {
    const { role, open, outside } = await approachWalls(housekeeping)
    if (outside) throw new DatabaseError(standsOutside)
    if (open) warn(standOpen)
    const service = openPool(url, { ...options, name, role })
    return { service, housekeeping, role, end: async () => void (await end([service, housekeeping])) }
  } catch (error) {
    await end([housekeeping])
    throw error
  }
}
