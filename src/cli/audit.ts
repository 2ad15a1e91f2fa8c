// npx . audit …
import { type ChainVerdict, verifySecurityLog } from '../domain/audit/chain-verification.ts'
import { installationId } from '../domain/audit/operator-acts.ts'
import { listSecurityLog } from '../domain/operators/log.ts'
import type { LogRow } from '../repositories/audit/security-log.ts'
import { withServices } from './database.ts'
import { CommandError, UsageError } from './errors.ts'
import { command, group, jsonOption, notBlank, option, print, projectId, wholeNumber } from './options.ts'
import { projectCommands } from './project-command.ts'

interface Given {
  readonly project: string
  readonly user?: string
  readonly event?: string
  readonly since?: Date
  readonly before?: number
  readonly limit: number
  readonly json?: boolean
}

const projectCommand = projectCommands<Given>({
  log_user_invalid: '--user must be an e-mail address or the UUID of an account.',
})

const day = 86_400_000
const spans: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: day }

/** An instant in ISO 8601, or a time back from now such as 90m, 24h or 7d. @throws UsageError */
function instantOf(text: string, name: string): Date {
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  const at = count ? Date.now() - Number(count) * (spans[unit] ?? day) : Date.parse(text)
  if (Number.isNaN(at) || (!count && !/^\d{4}-\d{2}-\d{2}/.test(text)))
    throw new UsageError(
      `${name} must be an instant such as 2026-01-31T12:00:00Z, or a time back such as 24h.`,
    )
  return new Date(at)
}

function rowFacts(row: LogRow) {
  return {
    id: row.id,
    at: row.at.toISOString(),
    event: row.event,
    outcome: row.outcome,
    actor: row.actor,
    account: row.account,
    address_prefix: row.addressPrefix,
    user_agent: row.userAgent,
    session_id: row.sessionId,
    details: row.details,
    position: row.position,
    hash: row.hash?.toString('hex') ?? null,
  }
}

function rowLine(row: LogRow): string {
  const { reason, ...details } = row.details
  const words = Object.entries(details).map(([name, value]) => `${name}=${value}`)
  const facts = [
    row.outcome === 'refused' ? `refused${reason ? ` (${reason})` : ''}` : '',
    row.account,
    row.addressPrefix,
  ]
  const parts = [row.at.toISOString(), row.event.padEnd(24), row.actor.padEnd(8), ...facts, ...words]
  return parts.filter(Boolean).join('  ')
}

const projectOf = ({ projectId: id }: ChainVerdict) => (id === installationId ? 'installation' : id)

function verdictFacts(verdict: ChainVerdict) {
  const { rows, unsealed, head, broken } = verdict
  return { project_id: projectOf(verdict), rows, unsealed, head, broken }
}

function verdictLine(verdict: ChainVerdict): string {
  const { rows, unsealed, head, broken } = verdict
  const end = head ? `, head ${head.position}:${head.hash}` : ''
  return `${projectOf(verdict)}  ${broken ?? `whole: ${rows} rows, ${unsealed} not sealed yet${end}`}`
}

async function verify({ project, json }: { project?: string; json?: boolean }): Promise<void> {
  const verdicts = await withServices(async (services) => {
    if (project !== undefined) await services.projects.getAny(project)
    return verifySecurityLog(services, project ?? null)
  })
  const lines = verdicts.map(verdictLine).join('\n') || 'The security log is empty.'
  print(json, verdicts.map(verdictFacts), lines)
  const broken = verdicts.find((verdict) => verdict.broken !== null)
  if (broken) throw new CommandError(`The security log of ${projectOf(broken)} is broken: ${broken.broken}`)
}

export const audit = group(
  'audit',
  'Reads the security log, which outlives accounts: sign-ins, refusals, every change of a credential, every act of an operator. With --json list prints an array of rows, verify an array of { project_id, rows, unsealed, head, broken }.',
  [
    projectCommand(
      'list',
      'prints the rows of a project, the newest first',
      [
        option('--user <USER>', 'an e-mail address, or the UUID of an account that may be gone', notBlank),
        option('--event <EVENT>', 'rows of this event, such as sign_in_refused', notBlank),
        option(
          '--since <TIME>',
          'an instant such as 2026-01-31T12:00:00Z, or a time back such as 24h',
          instantOf,
        ),
        option('--before <ID>', 'go on before this id', wholeNumber(1, Number.MAX_SAFE_INTEGER)),
        option('--limit <N>', 'how many at most', wholeNumber(1, 100_000)).default(100),
      ],
      async (ctx, { user, event, since, before = null, limit }) => {
        const found = await listSecurityLog(ctx, { user, event, since }, { before, limit })
        return [found.map(rowFacts), found.map(rowLine).join('\n') || 'No row.']
      },
    ),
    command(
      'verify',
      'follows the chain of hashes through every row, names the first row that was changed, removed or inserted, and then ends with 1',
      [option('--project <ID>', 'one project; default: all', projectId), jsonOption],
      verify,
    ),
  ],
)
