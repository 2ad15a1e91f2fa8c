// What every start finds or creates before it serves: the folder of captured mail, the projects that it works on, and the first
// admin.
import { type Config, ConfigError } from './config/config.ts'
import { operatorContext, type Services } from './domain/context.ts'
import { AuthError } from './domain/errors.ts'
import { firstSetupLink } from './domain/operators/operators.ts'
import { ensureUser } from './domain/operators/users.ts'
import { isOperatorsProject, operatorsProjectId } from './domain/projects/operators-project.ts'
import { ensureDefaultProject, ensureOperatorsProject } from './domain/projects/projects.ts'
import { requireFolder } from './folders.ts'

/**
 * Finds the projects that the configuration names; creates the default project at the first start.
 * @returns the project of requests that name none (null: none), and the one that the product contracts work on
 * @throws ConfigError where the configuration names a project that does not exist
 */
export async function findProjects(
  config: Pick<Config, 'defaultProjectId' | 'contractProjectId'>,
  services: Services,
): Promise<{ defaultProjectId: string | null; contractProjectId: string }> {
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

/**
 * Creates the first admin of the product contracts' project, unless their address has an account already.
 * @returns whether it was created
 */
export async function createFirstAdmin(
  { firstAdmin }: Pick<Config, 'firstAdmin'>,
  services: Services,
  projectId: string,
): Promise<boolean> {
  if (!firstAdmin) return false
  const ctx = operatorContext(services, await services.projects.getAny(projectId))
  return (await ensureUser(ctx, { ...firstAdmin, role: 'admin', verified: true })) !== null
}

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

/**
 * The link by which a person becomes the first owner of an installation that has no operator: a new one at each start.
 * @returns null where there is an operator
 */
export async function firstOperatorLink(services: Services): Promise<string | null> {
  const ctx = operatorContext(services, await services.projects.getAny(operatorsProjectId))
  return (await firstSetupLink(ctx))?.url ?? null
}
