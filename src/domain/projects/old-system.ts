// The system that a project moves away from, as its policy names it.
import { isLoopback } from '../../formats.ts'
import type { OldSystem } from '../../outgoing/old-system.ts'

/** What a policy says of the move; the rest of a policy is not needed here. */
interface MovePolicy {
  readonly import: {
    readonly verify_url: string | null
    readonly verify_until: string | null
    readonly verify_kind: OldSystem['kind']
    readonly verify_client_id: string | null
    readonly verify_secret_env: string | null
    readonly verify_private_network: boolean
  }
}

/** Milliseconds for which a move may be planned: a year and a day. */
const longestMs = 366 * 86_400_000

/** The old system of a policy, whether or not its period is over; null: there is none. */
export function oldSystemOf({ import: move }: MovePolicy): OldSystem | null {
  if (move.verify_url === null) return null
  return {
    url: move.verify_url,
    kind: move.verify_kind,
    clientId: move.verify_client_id,
    secretEnv: move.verify_secret_env,
    allowPrivateNetwork: move.verify_private_network,
  }
}

/** The old system while it is asked: until `import.verify_until`. @param now milliseconds since 1970 */
export function openOldSystemOf(policy: MovePolicy, now: number): OldSystem | null {
  const { verify_until: until } = policy.import
  return until !== null && now < Date.parse(until) ? oldSystemOf(policy) : null
}

/** What would not take effect, or would last for ever. */
export function oldSystemProblems({ import: move }: MovePolicy): string[] {
  const { verify_url: url, verify_until: until, verify_kind: kind } = move
  const problems: string[] = []
  const say = (key: string, sentence: string) => problems.push(`import.${key}: ${sentence}`)
  if (url === null) {
    for (const key of ['verify_until', 'verify_client_id', 'verify_secret_env'] as const)
      if (move[key] !== null) say(key, 'needs import.verify_url.')
    if (move.verify_private_network) say('verify_private_network', 'needs import.verify_url.')
    return problems
  }
  const { protocol, hostname } = new URL(url)
  if (protocol !== 'https:' && !(isLoopback(hostname) && move.verify_private_network))
    say('verify_url', 'must be https; http needs import.verify_private_network, and is for this host alone.')
  if (until === null) say('verify_until', 'is required with import.verify_url: such a move has an end.')
  else if (Date.parse(until) > Date.now() + longestMs) say('verify_until', 'must be within a year.')
  if (kind === 'json' && move.verify_secret_env === null)
    say('verify_secret_env', 'is required: without a secret, the endpoint would check passwords for anybody.')
  if (kind === 'json' && move.verify_client_id !== null)
    say('verify_client_id', 'is for the kind password_grant alone.')
  if (kind === 'password_grant' && move.verify_client_id === null)
    say('verify_client_id', 'is required with the kind password_grant.')
  return problems
}
