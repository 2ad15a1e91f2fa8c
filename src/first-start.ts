// Before the service listens, each start finds or creates: the folder of captured mail, the projects, the first admin, and the link
// for the first operator.
import cluster from 'node:cluster'
import type { FastifyBaseLogger } from 'fastify'
import { type Config, ConfigError } from './config/config.ts'
import { operatorContext, type Services } from './domain/context.ts'
import { AuthError } from './domain/errors.ts'
import { firstSetupLink } from './domain/operators/operators.ts'
import { ensureUser } from './domain/operators/users.ts'
import { isOperatorsProject, operatorsProjectId } from './domain/projects/operators-project.ts'
import { ensureDefaultProject, ensureOperatorsProject } from './domain/projects/projects.ts'
import { requireFolder } from './folders.ts'

/** Bytes that captured mails need at least. */
const mailBytes = 2 ** 20

/** @throws ConfigError where mail is to be captured and DATA_DIR takes no file */
export function requireMailFolder({ smtpUrl, dataDir }: Pick<Config, 'smtpUrl' | 'dataDir'>): void {
  if (smtpUrl) return
  try {
    requireFolder(dataDir, mailBytes)
  } catch (error) {
    throw new ConfigError([
      `DATA_DIR must be a folder that this user can write to, because mail is captured in it while SMTP_URL is not set (${(error as Error).message}).`,
    ])
  }
}

/** The projects of an installation that requests are for. */
interface Projects {
  /** Of requests that name none; null: they are refused. */
  readonly defaultProjectId: string | null
  /** Of the contracts of other products. */
  readonly contractProjectId: string
}

/**
 * Finds the projects that the configuration names, and at the first start creates the default project and the first admin. Logs the
 * link for the first operator until there is one.
 * @throws ConfigError where the configuration names a project that does not exist
 */
export async function prepareInstallation(
  config: Config,
  services: Services,
  log: FastifyBaseLogger,
): Promise<Projects> {
  const projects = await findProjects(config, services)
  if (await createFirstAdmin(config, services, projects.contractProjectId))
    log.info('The first admin was made; from now on the ADMIN_ variables change nothing')
  // Only the first of several workers logs it, because each call makes another link.
  const link = (cluster.worker?.id ?? 1) === 1 ? await firstOperatorLink(services) : null
  if (link) log.info(`There is no operator yet. Who opens this link within a day becomes the first: ${link}`)
  return projects
}

async function findProjects(config: Config, services: Services): Promise<Projects> {
  const created = await ensureDefaultProject(services)
  await ensureOperatorsProject(services)
  async function named(variable: string, id: string): Promise<string> {
    if (isOperatorsProject({ id }))
      throw new ConfigError([`${variable} must not be the project of the operators.`])
    try {
      // An archived one too: its requests are refused, and the service starts.
      return (await services.projects.getAny(id)).id
    } catch (error) {
      if (!(error instanceof AuthError)) throw error
      throw new ConfigError([
        `${variable} names no project of this database; see the list with: npx . projects list.`,
      ])
    }
  }
  const { defaultProjectId: chosen, contractProjectId } = config
  const defaultProjectId =
    chosen === 'none' ? null : chosen === null ? created.id : await named('DEFAULT_PROJECT_ID', chosen)
  return {
    defaultProjectId,
    contractProjectId: contractProjectId
      ? await named('CONTRACT_PROJECT_ID', contractProjectId)
      : (defaultProjectId ?? created.id),
  }
}

/** Creates the first admin, unless their address has an account. @returns whether it was created */
async function createFirstAdmin(
  { firstAdmin }: Config,
  services: Services,
  projectId: string,
): Promise<boolean> {
  if (!firstAdmin) return false
  const ctx = operatorContext(services, await services.projects.getAny(projectId))
  return (await ensureUser(ctx, { ...firstAdmin, role: 'admin', verified: true })) !== null
}

/** @returns a new link that makes one person the first owner of all projects; null where there is an operator */
async function firstOperatorLink(services: Services): Promise<string | null> {
  const ctx = operatorContext(services, await services.projects.getAny(operatorsProjectId))
  return (await firstSetupLink(ctx))?.url ?? null
}
