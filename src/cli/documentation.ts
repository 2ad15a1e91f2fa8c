// The documents whose tables follow from the code: variables in operate.md, the life of an account and the roles of operators in
// security.md, the types of events in events.md, what is deprecated in upgrading.md.
import { withVariablesTable } from '../config/documentation.ts'
import { type Holding, lifecycle } from '../domain/accounts/lifecycle.ts'
import { eventTypes } from '../domain/events/types.ts'
import { type Permission, permissions, reachOf, roleHas, roles } from '../domain/operators/roles.ts'
import { type Deprecation, deprecations } from '../http/deprecations.ts'

const words = (name: string) => name.replaceAll('_', ' ').replace('api ', 'API ')
const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
const table = (heads: readonly string[], rows: readonly (readonly string[])[]) =>
  [row(heads), row(heads.map(() => '---')), ...rows.map(row)].join('\n')

/** What every event does to everything that belongs to an account, as a table in Markdown. */
export function lifecycleTable(): string {
  const holdings = Object.keys(lifecycle.deleted) as Holding[]
  const rows = Object.entries(lifecycle).map(([event, fates]) => [
    words(event),
    ...holdings.map((holding) => (fates[holding] === 'stays' ? '·' : fates[holding])),
  ])
  return table(['event', ...holdings.map(words)], rows)
}

/** Which role of an operator may do what, as a table in Markdown. */
export function rolesTable(): string {
  const reaches = { project: 'the project', installation: 'all projects', any: 'any project' }
  const rows = (Object.keys(permissions) as Permission[]).map((permission) => [
    `\`${permission}\``,
    ...roles.map((role) => (roleHas(role, permission) ? '✓' : '')),
    reaches[reachOf(permission)],
  ])
  return table(['permission', ...roles, 'held for'], rows)
}

/** What each type of event tells, as a table in Markdown. */
export const eventsTable = (): string =>
  table(
    ['type', '`data`'],
    Object.entries(eventTypes).map(([type, tells]) => [`\`${type}\``, tells]),
  )

/** What is deprecated, as a table in Markdown; a sentence where nothing is. */
export const deprecationsTable = (entries: readonly Deprecation[] = deprecations): string =>
  entries.length === 0
    ? 'Nothing is deprecated at present.'
    : table(
        ['route', 'field', 'since', 'sunset', 'instead'],
        entries.map(({ route, field, since, sunset, instead }) => [
          `\`${route}\``,
          field ? `\`${field}\`` : '',
          since,
          sunset,
          instead,
        ]),
      )

/** Puts a table between its markers; null where a document has none. */
function withTable(document: string | null, name: string, text: string): string | null {
  if (document === null) return null
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [from, to] = [document.indexOf(begin), document.indexOf(end)]
  if (from < 0 || to < from) return null
  return `${document.slice(0, from + begin.length)}\n${text}\n${document.slice(to)}`
}

/** Each document in docs/ with tables, and the function that puts them as they must be into it. */
export const documentsWithTables = [
  { file: 'operate.md', withTable: withVariablesTable },
  {
    file: 'security.md',
    withTable: (document: string) =>
      withTable(withTable(document, 'lifecycle', lifecycleTable()), 'roles', rolesTable()),
  },
  { file: 'events.md', withTable: (document: string) => withTable(document, 'events', eventsTable()) },
  {
    file: 'upgrading.md',
    withTable: (document: string) => withTable(document, 'deprecations', deprecationsTable()),
  },
]
