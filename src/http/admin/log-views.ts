// How the admin API shows rows of the security log, as JSON and as CSV.
import type { Static } from '@sinclair/typebox'
import { LogEntry } from '../../../schemas/admin/audit.ts'
import type { LogRow } from '../../repositories/audit/security-log.ts'

export const logEntryView = (row: LogRow): Static<typeof LogEntry> => ({
  id: row.id,
  at: row.at.toISOString(),
  event: row.event,
  outcome: row.outcome,
  actor: row.actor,
  account: row.account,
  session_id: row.sessionId,
  address_prefix: row.addressPrefix,
  user_agent: row.userAgent,
  details: { ...row.details },
  position: row.position,
  hash: row.hash?.toString('hex') ?? null,
})

const columns = Object.keys(LogEntry.properties) as (keyof Static<typeof LogEntry>)[]

/** The line of names (RFC 4180 §2). */
export const csvHeader = `${columns.join(',')}\r\n`

/** A quoted cell. Clients choose their user agents, so a text that a spreadsheet would run as a formula is escaped. */
function cell(value: unknown): string {
  const text = value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value)
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}

/** A row as a line. */
export function csvLine(row: LogRow): string {
  const entry = logEntryView(row)
  return `${columns.map((column) => cell(entry[column])).join(',')}\r\n`
}
