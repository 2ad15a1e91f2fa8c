// The two pools of a process: the service's, whose statements see one project at a time, and a small one for statements that
// belong to no project.
import { type Login, type Logins, loginUrl } from './logins.ts'
import { DatabaseError } from './migrations.ts'
import { openPool, type Pool, type PoolOptions } from './pool.ts'
import { checkLogin } from './row-level-security.ts'

export interface Pools {
  /** For the rows of one project at a time. */
  readonly service: Pool
  /** For jobs, projects and keys: rows of no project, or of any. */
  readonly unscoped: Pool
  /** The role that the service's connections take; null: the one of the URL. */
  readonly role: string | null
  /** The URL with the login of the service's connections. */
  readonly serviceUrl: string
  /** That login, which a standby has as well; null: the one of the URL. */
  readonly login: Login | null
  end(): Promise<void>
}

const notOwner =
  'The role of DATABASE_URL is not the owner of the tables, and they were migrated without it in mind: set ' +
  'DATABASE_MIGRATION_URL to the URL of their owner, for one start or for npx . migrate.'

const noRowLevelSecurity =
  'The role of DATABASE_URL may get around row-level security and cannot become sallyport_service: nothing but our own ' +
  'filters stands between the projects. Connect as another role, or grant it sallyport_service (docs/operate.md).'

/** Logged at the start, and reported by doctor. */
export const overprivilegedLogin =
  'The service is connected as a superuser or as the owner of its tables, because no login that can do less could be made or ' +
  'used. Make a role that owns nothing, put it into DATABASE_URL, and the owner into DATABASE_MIGRATION_URL (docs/operate.md).'

interface OpenPoolsOptions extends Omit<PoolOptions, 'role' | 'unscoped'> {
  /** Called with a sentence where the connections can do more than they should. */
  readonly warn: (line: string) => void
  /** The roles to log in as; null: none could be made, which is a warning; undefined: the role of the URL is wanted. */
  readonly logins?: Logins | null | undefined
}

/**
 * Opens both pools on a migrated database.
 * @throws DatabaseError where the role of the URL can neither own nor use the tables
 */
export async function openPools(
  url: string,
  { warn, logins, name = 'sallyport', ...options }: OpenPoolsOptions,
): Promise<Pools> {
  const { pooled = false } = options
  // Few: jobs seldom run statements at the same time.
  const housekeeping = { pooled, connections: 2, name: `${name}-housekeeping`, unscoped: true }
  const join = (login: Login | null, unscoped: Pool, role: string | null): Pools => {
    const serviceUrl = login ? loginUrl(url, login) : url
    const service = openPool(serviceUrl, { ...options, name, role })
    const end = async () => void (await Promise.all([service.end(), unscoped.end()]))
    return { service, unscoped, role, serviceUrl, login, end }
  }
  if (logins) {
    const unscoped = openPool(loginUrl(url, logins.unscoped), housekeeping)
    try {
      await unscoped`select 1`
      return join(logins.service, unscoped, null)
    } catch (error) {
      await unscoped.end()
      // Refused by the server, such as by its pg_hba.conf; anything else is a fault of any login.
      if (!/^(?:28|42501)/.test(String((error as { code?: unknown }).code))) throw error
    }
  }
  const unscoped = openPool(url, housekeeping)
  try {
    const { role, bypassesPolicies, isOverprivileged, lacksPolicy } = await checkLogin(unscoped)
    if (lacksPolicy) throw new DatabaseError(notOwner)
    if (bypassesPolicies) warn(noRowLevelSecurity)
    else if (isOverprivileged && logins !== undefined) warn(overprivilegedLogin)
    return join(null, unscoped, role)
  } catch (error) {
    await unscoped.end()
    throw error
  }
}
