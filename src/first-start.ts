// What every start finds or makes before it serves: the projects it stands on, and the first admin.
import { type Config, ConfigError } from './config.ts'
import { AuthError } from './domain/errors.ts'
import type { Domain } from './domain/index.ts'

/**
 * The project of requests that name none, and the one that the product contracts work on.
 * @throws ConfigError where the configuration names one that is not there
 */
export async function standingProjects(config: Config, domain: Domain) {
  const made = await domain.projects.ensureDefault()
  async function named(variable: string, id: string): Promise<string> {
    try {
      return (await domain.projects.get(id)).id
    } catch (error) {
      if (!(error instanceof AuthError)) throw error
      throw new ConfigError([
        `${variable} names no project of this database; see the list with: npx . projects list.`,
      ])
    }
  }
  const { defaultProjectId: chosen, contractProjectId } = config
  const defaultProjectId =
    chosen === 'none' ? null : chosen === null ? made.id : await named('DEFAULT_PROJECT_ID', chosen)
  return {
    defaultProjectId,
    contractProjectId: contractProjectId
      ? await named('CONTRACT_PROJECT_ID', contractProjectId)
      : (defaultProjectId ?? made.id),
  }
}

/** Makes the first admin of the product contracts' project, unless their address has an account, whoever's it is. */
export async function makeFirstAdmin(
  { firstAdmin }: Config,
  domain: Domain,
  projectId: string,
): Promise<boolean> {
  if (!firstAdmin) return false
  const project = await domain.projects.get(projectId)
  const person = { ...firstAdmin, role: 'admin', verified: true } as const
  return (await domain.people.ensure(project, person)) !== null
}
