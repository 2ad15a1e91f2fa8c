// The old system from which a project migrates its users, as its policy configures it.
import { isLoopback } from '../../formats.ts'
import type { OldSystem } from '../../outgoing/old-system.ts'

/** The part of a policy about the migration. */
interface MigrationPolicy {
  readonly import: {
    readonly verify_url: string | null
    readonly verify_until: string | null
    readonly verify_kind: OldSystem['kind']
    readonly verify_client_id: string | null
    readonly verify_secret_env: string | null
    readonly verify_private_network: boolean
  }
}

/** Longest migration in milliseconds: a year and a day. */
const longestMs = 366 * 86_400_000

/** The old system of a policy, even after `import.verify_until`; null: there is none. */
export function oldSystemOf({ import: migration }: MigrationPolicy): OldSystem | null {
  if (migration.verify_url === null) return null
  return {
    url: migration.verify_url,
    kind: migration.verify_kind,
    clientId: migration.verify_client_id,
    secretEnv: migration.verify_secret_env,
    allowPrivateNetwork: migration.verify_private_network,
  }
}

/** The old system until `import.verify_until`, then null. @param now milliseconds since 1970 */
export function openOldSystemOf(policy: MigrationPolicy, now: number): OldSystem | null {
  const { verify_until: until } = policy.import
  return until !== null && now < Date.parse(until) ? oldSystemOf(policy) : null
}

/** Checks for settings without effect, and for a migration without an end. */
export function oldSystemProblems({ import: migration }: MigrationPolicy): string[] {
  const { verify_url: url, verify_until: until, verify_kind: kind } = migration
  const problems: string[] = []
  const say = (key: string, sentence: string) => problems.push(`import.${key}: ${sentence}`)
  if (url === null) {
    for (const key of ['verify_until', 'verify_client_id', 'verify_secret_env'] as const)
      if (migration[key] !== null) say(key, 'needs import.verify_url.')
    if (migration.verify_private_network) say('verify_private_network', 'needs import.verify_url.')
    return problems
  }
  const { protocol, hostname } = new URL(url)
  if (protocol !== 'https:' && !(isLoopback(hostname) && migration.verify_private_network))
    say('verify_url', 'must be https; http needs import.verify_private_network, and is for this host alone.')
  if (until === null) say('verify_until', 'is required with import.verify_url: such a move has an end.')
  else if (Date.parse(until) > Date.now() + longestMs) say('verify_until', 'must be within a year.')
  if (kind === 'json' && migration.verify_secret_env === null)
    say('verify_secret_env', 'is required: without a secret, the endpoint would check passwords for anybody.')
  if (kind === 'json' && migration.verify_client_id !== null)
    say('verify_client_id', 'is for the kind password_grant alone.')
  if (kind === 'password_grant' && migration.verify_client_id === null)
    say('verify_client_id', 'is required with the kind password_grant.')
  return problems
}
