// Asks the old systems of lazy moves for a password that no account has.
import { randomUUID } from 'node:crypto'
import type { Config } from '../config/config.ts'
import { oldSystemOf, openOldSystemOf } from '../domain/projects/old-system.ts'
import { listProjects, type Project } from '../domain/projects/projects.ts'
import {
  askOldSystem,
  type OldSystem,
  type OldSystemVerdict,
  randomPassword,
} from '../outgoing/old-system.ts'
import type { Stores } from '../repositories/store.ts'
import { type Finding, findingsOn } from './finding.ts'

/** Less than a check of the doctor may take. */
const timeoutMs = 2000

/**
 * @param project its name
 * @param until the end of the lazy move (RFC 3339)
 * @param isOpen whether that is still to come
 * @param verdict of the old system on a random address and password
 */
export function oldSystemVerdict(
  project: string,
  until: string,
  isOpen: boolean,
  verdict: OldSystemVerdict,
): Finding {
  const { good, warning, bad } = findingsOn('old system')
  if (verdict.kind === 'right')
    return bad`The old system of ${project} takes a random password for a random address, so it would give accounts to strangers: the move ends with the first one (import.verify_until). Correct its endpoint, then set import.verify_until again.`
  if (!isOpen)
    return warning`The lazy move of ${project} ended at ${until}. Set import.verify_url, verify_until, verify_client_id and verify_secret_env to null, and import who is left.`
  if (verdict.kind === 'failed')
    return bad`The old system of ${project} cannot be asked, so people who are not moved yet cannot sign in: ${verdict.reason.replace(/\.$/, '')}.`
  return good`The old system of ${project} answers, and refuses a random password. It is asked until ${until}.`
}

async function checkOne({ name, policy }: Project, system: OldSystem, { importSecrets }: Config) {
  const email = `sallyport-doctor-${randomUUID()}@example.com`
  const given = { email, password: randomPassword() }
  const verdict = await askOldSystem(system, given, { secrets: importSecrets, timeoutMs })
  const isOpen = openOldSystemOf(policy, Date.now()) !== null
  return oldSystemVerdict(name, policy.import.verify_until ?? '', isOpen, verdict)
}

/** One finding for each project with an old system. */
export async function checkOldSystems(stores: Stores, config: Config): Promise<Finding[]> {
  const projects = (await listProjects({ stores })).filter(({ archivedAt }) => archivedAt === null)
  return Promise.all(
    projects.flatMap((project) => {
      const system = oldSystemOf(project.policy)
      return system ? [checkOne(project, system, config)] : []
    }),
  )
}
