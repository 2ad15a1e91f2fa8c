// npx . audit …
import { ConfigError } from '../config/config.ts'
import { type ChainVerdict, verifySecurityLog } from '../domain/audit/chain-verification.ts'
import { installationId } from '../domain/audit/operator-acts.ts'
import type { Services } from '../domain/context.ts'
import { listSecurityLog } from '../domain/operators/log.ts'
import { inspectSigningKeys } from '../domain/signing-keys/signing-keys.ts'
import { isSecurityEvent, type LogRow } from '../repositories/audit/security-log.ts'
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

/** Milliseconds since 1970 of an instant in ISO 8601; NaN for a day that no calendar has, which `Date.parse` moves on. */
function parseInstant(text: string): number {
  const [, day = ''] = /^(\d{4}-\d{2}-\d{2})(?:[T ]|$)/.exec(text) ?? []
  const midnight = new Date(`${day}T00:00:00Z`)
  const isDay = !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day)
  return isDay ? Date.parse(text) : Number.NaN
}

/** An instant in ISO 8601 from 1970 on, or a time back from now such as 90m, 24h or 7d. @throws UsageError */
function instantOf(text: string, name: string): Date {
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  const at = count ? Date.now() - Number(count) * (spans[unit] ?? day) : parseInstant(text)
  if (!(at >= 0))
    throw new UsageError(
      `${name} must be an instant from 1970 on such as 2026-01-31T12:00:00Z, or a time back in minutes, hours or days such as 90m, 24h or 7d.`,
    )
  return new Date(at)
}

/** @throws UsageError for text that is the name of no event */
function eventName(text: string, name: string): string {
  if (!isSecurityEvent(text))
    throw new UsageError(
      `${name}: there is no event ${text}. One is sign_in_refused; audit list prints the others.`,
    )
  return text
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

/** @throws ConfigError where the master secret opens nothing of this installation, so its chains say nothing either */
async function mustBeOurSecret(services: Services): Promise<void> {
  const keys = await inspectSigningKeys(services)
  if (keys.some(({ opens }) => opens === 'never'))
    throw new ConfigError([
      'SECRET_KEY is not the secret of this installation, so the security log cannot be verified; nothing says that it is broken. Set the old one as SECRET_KEY, or as SECRET_KEY_PREVIOUS beside the new one.',
    ])
}

async function verify({ project, json }: { project?: string; json?: boolean }): Promise<void> {
  const verdicts = await withServices(async (services) => {
    if (project !== undefined) await services.projects.getAny(project)
    const found = await verifySecurityLog(services, project ?? null)
    if (found.some(({ isClosed }) => isClosed)) await mustBeOurSecret(services)
    return found
  })
  const lines = verdicts.length > 0 ? verdicts.map(verdictLine) : 'The security log is empty.'
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
        option('--event <EVENT>', 'rows of this event, such as sign_in_refused', eventName),
        option(
          '--since <TIME>',
          'an instant such as 2026-01-31T12:00:00Z, or a time back such as 90m, 24h or 7d',
          instantOf,
        ),
        option('--before <ID>', 'go on before this id', wholeNumber(1, Number.MAX_SAFE_INTEGER)),
        option('--limit <N>', 'how many at most', wholeNumber(1, 100_000)).default(100),
      ],
      async (ctx, { user, event, since, before = null, limit }) => {
        const found = await listSecurityLog(ctx, { user, event, since }, { before, limit })
        return [found.map(rowFacts), found.length > 0 ? found.map(rowLine) : 'No row.']
      },
    ),
    command(
      'verify',
      'follows the chain of hashes through every row, names the first row that was changed, removed or inserted, and then ends with 1; ends with 78 where SECRET_KEY is not that of this installation, so that nothing can be verified',
      [option('--project <ID>', 'one project; default: all', projectId), jsonOption],
      verify,
    ),
  ],
)
