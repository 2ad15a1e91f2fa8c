// The tables in docs/ that are generated from the code.
import { variablesTable } from '../config/documentation.ts'
import { type Holding, lifecycle } from '../domain/accounts/lifecycle.ts'
import { eventTypes } from '../domain/events/types.ts'
import { type Permission, permissions, reachOf, roleHas, roles } from '../domain/operators/roles.ts'
import { type Deprecation, deprecations } from '../http/deprecations.ts'

const words = (name: string) => name.replaceAll('_', ' ').replace('api ', 'API ')
const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
const table = (heads: readonly string[], rows: readonly (readonly string[])[]) =>
  [row(heads), row(heads.map(() => '---')), ...rows.map(row)].join('\n')

/** Events of an account's life, with what each ends (the record `lifecycle`), in Markdown. */
function lifecycleTable(): string {
  const holdings = Object.keys(lifecycle.deleted) as Holding[]
  const rows = Object.entries(lifecycle).map(([event, fates]) => [
    words(event),
    ...holdings.map((holding) => (fates[holding] === 'stays' ? '·' : fates[holding])),
  ])
  return table(['event', ...holdings.map(words)], rows)
}

/** The permissions of each operator role, in Markdown. */
function rolesTable(): string {
  const reaches = { project: 'the project', installation: 'all projects', any: 'any project' }
  const rows = (Object.keys(permissions) as Permission[]).map((permission) => [
    `\`${permission}\``,
    ...roles.map((role) => (roleHas(role, permission) ? '✓' : '')),
    reaches[reachOf(permission)],
  ])
  return table(['permission', ...roles, 'held for'], rows)
}

/** The types of events with their `data`, in Markdown. */
const eventsTable = (): string =>
  table(
    ['type', '`data`'],
    Object.entries(eventTypes).map(([type, tells]) => [`\`${type}\``, tells]),
  )

/** Deprecated routes and fields, in Markdown; a sentence where there are none. */
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

/** The generated tables of each document in docs/, by the name in their markers. */
export const generatedTables: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  'operate.md': { variables: variablesTable },
  'security.md': { lifecycle: lifecycleTable, roles: rolesTable },
  'events.md': { events: eventsTable },
  'upgrading.md': { deprecations: deprecationsTable },
}

/**
 * Puts tables between their markers.
 * @param document in Markdown, with `<!-- name -->` before and `<!-- /name -->` after each table
 * @throws Error where it lacks a marker
 */
export function withTables(document: string, tables: Readonly<Record<string, () => string>>): string {
  return Object.entries(tables).reduce((text, [name, table]) => {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
    const [from, to] = [text.indexOf(begin), text.indexOf(end)]
    if (from < 0 || to < from) throw new Error(`The document has no markers for the table ${name}.`)
    return `${text.slice(0, from + begin.length)}\n${table()}\n${text.slice(to)}`
  }, document)
}
