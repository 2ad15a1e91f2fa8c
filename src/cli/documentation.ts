// The documents whose tables follow from the code: variables in operate.md, the life of an account and the roles of operators in security.md.
import { withVariablesTable } from '../config/documentation.ts'
import { type Holding, lifecycle } from '../domain/accounts/lifecycle.ts'
import { type Permission, permissions, reachOf, roleHas, roles } from '../domain/operators/roles.ts'

const [begin, end] = ['<!-- lifecycle -->', '<!-- /lifecycle -->']
const [rolesBegin, rolesEnd] = ['<!-- roles -->', '<!-- /roles -->']

const words = (name: string) => name.replaceAll('_', ' ').replace('api ', 'API ')

/** What every event does to everything that belongs to an account, as a table in Markdown. */
export function lifecycleTable(): string {
  const holdings = Object.keys(lifecycle.deleted) as Holding[]
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const events = Object.entries(lifecycle).map(([event, fates]) =>
    row([words(event), ...holdings.map((holding) => (fates[holding] === 'stays' ? '·' : fates[holding]))]),
  )
  return [row(['event', ...holdings.map(words)]), row(['', ...holdings].map(() => '---')), ...events].join(
    '\n',
  )
}

/** Puts a table between its markers; null where a document has none. */
function withTableBetween(document: string, opening: string, closing: string, table: string): string | null {
  const [from, to] = [document.indexOf(opening), document.indexOf(closing)]
  if (from < 0 || to < from) return null
  return `${document.slice(0, from + opening.length)}\n${table}\n${document.slice(to)}`
}

const withLifecycleTable = (document: string): string | null =>
  withTableBetween(document, begin, end, lifecycleTable())

/** Which role of an operator may do what, as a table in Markdown. */
export function rolesTable(): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const lines = (Object.keys(permissions) as Permission[]).map((permission) =>
    row([
      `\`${permission}\``,
      ...roles.map((role) => (roleHas(role, permission) ? '✓' : '')),
      { project: 'the project', installation: 'all projects', any: 'any project' }[reachOf(permission)],
    ]),
  )
  return [
    row(['permission', ...roles, 'held for']),
    row(['---', ...roles, ''].map(() => '---')),
    ...lines,
  ].join('\n')
}

/** Puts the tables of security.md between their markers. */
function withSecurityTables(document: string): string | null {
  const withLifecycle = withLifecycleTable(document)
  return withLifecycle && withTableBetween(withLifecycle, rolesBegin, rolesEnd, rolesTable())
}

/** Each document in docs/ with a table, and the function that puts the table as it must be into it. */
export const documentsWithTables = [
  { file: 'operate.md', withTable: withVariablesTable },
  { file: 'security.md', withTable: withSecurityTables },
]
