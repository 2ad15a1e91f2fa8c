// /audit, its export and verification, and /stats.
import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import * as schemas from '../../../../schemas/admin/audit.ts'
import {
  exportSecurityLog,
  type LogQuery,
  searchSecurityLog,
  verifyLogOf,
} from '../../../domain/operators/log.ts'
import { statsOf } from '../../../domain/operators/stats.ts'
import type { LogRow } from '../../../repositories/audit/security-log.ts'
import { addressPrefix, canonicalAddress } from '../../address.ts'
import { instantOf } from '../../instants.ts'
import { invalidField } from '../../refusal.ts'
import { viewOf } from '../../schema-view.ts'
import type { Api } from '../../typebox.ts'
import { may, namedProject } from '../authorize.ts'
import { printPosition, readPosition } from '../cursors.ts'
import { csvHeader, csvLine, logEntryView } from '../log-views.ts'
import type { AdminParts } from '../parts.ts'

const pageLength = 50
const defaultDays = 30

interface Asked extends Omit<LogQuery, 'since' | 'until' | 'addressPrefix'> {
  readonly address?: string
  readonly since?: string
  readonly until?: string
}

/** The network of an address, as the log stores it. @throws RequestProblem validation_failed */
function networkOf(address: string | undefined): string | undefined {
  if (address === undefined || address.includes('/')) return address
  const network = addressPrefix(canonicalAddress(address))
  if (network !== null) return network
  throw invalidField('address', 'Must be an IP address or a network.')
}

function queryOf({ address, since, until, ...rest }: Asked): LogQuery {
  const addressPrefix = networkOf(address)
  return { ...rest, addressPrefix, since: instantOf(since, 'since'), until: instantOf(until, 'until') }
}

/** The rows as text, each when it is read. */
async function* printed(rows: AsyncIterable<LogRow>, format: 'csv' | 'jsonl'): AsyncGenerator<string> {
  if (format === 'csv') yield csvHeader
  for await (const row of rows)
    yield format === 'csv' ? csvLine(row) : `${JSON.stringify(logEntryView(row))}\n`
}

const dayView = viewOf(schemas.DayStats)
const periodView = viewOf(schemas.PeriodStats)

const mediaTypes = { csv: 'text/csv; charset=utf-8', jsonl: 'application/jsonl; charset=utf-8' } as const

export async function auditRoutes(api: Api, { services }: AdminParts): Promise<void> {
  const config = may('audit.read')
  const at = (request: FastifyRequest, project: string) =>
    namedProject(request, services, project, 'audit.read')

  api.get('/audit', { schema: schemas.searchLog, config }, async (request) => {
    const { project, cursor, limit = pageLength, ...asked } = request.query
    const ctx = await at(request, project)
    const whole = ['audit', ctx.project.id, asked]
    const [, before = null] = readPosition(services.keys.lookup, whole, cursor) ?? []
    const { rows, next } = await searchSecurityLog(ctx, queryOf(asked), { before, limit })
    const end = next === null ? null : (['', next] as const)
    return { data: rows.map(logEntryView), next_cursor: printPosition(services.keys.lookup, whole, end) }
  })

  api.get('/audit/export', { schema: schemas.exportLog, config }, async (request, reply) => {
    const { project, format = 'jsonl', ...asked } = request.query
    const ctx = await at(request, project)
    const rows = await exportSecurityLog(ctx, queryOf(asked))
    reply.header('content-disposition', `attachment; filename="security-log.${format}"`)
    return reply.type(mediaTypes[format]).send(Readable.from(printed(rows, format)))
  })

  api.get('/audit/verify', { schema: schemas.verifyLog, config }, async (request) => {
    const { project } = request.query
    const { rows, unsealed, head, broken } = await verifyLogOf(await at(request, project))
    return { project, rows, unsealed, head, broken }
  })

  api.get('/stats', { schema: schemas.getStats, config: may('stats.read') }, async (request) => {
    const { project, days = defaultDays } = request.query
    const ctx = await namedProject(request, services, project, 'stats.read')
    const { days: byDay, period, before, refusals, users } = await statsOf(ctx, days)
    return {
      data: byDay.map(dayView),
      period: periodView(period),
      before: periodView(before),
      refusals,
      users: { count: users.count, is_more: users.isMore },
    }
  })
}
