// The databases of the configuration: what their URLs say together.
import { readDatabaseUrl } from '../database-url/read.ts'
import type { DatabaseTarget } from '../database-url/target.ts'
import type { Values } from './variables.ts'

const names = ['DATABASE_URL', 'DATABASE_MIGRATION_URL', 'DATABASE_READ_URL'] as const
type Urls = Record<(typeof names)[number], string | null>

/** The targets of the URLs that are set and could be read. */
const targetsOf = (values: Values): [name: keyof Urls, url: string, target: DatabaseTarget][] =>
  names.flatMap((name) => {
    const url = values[name]
    return url === null ? [] : [[name, url, readDatabaseUrl(url)]]
  })

const schemaOf = (values: Values): string | null =>
  values.DATABASE_SCHEMA ?? (values.DATABASE_URL ? readDatabaseUrl(values.DATABASE_URL).schema : null)

/** Sentences about URLs that contradict each other, or lead to a server that cannot be what they are for. */
export function databaseConflicts(values: Values): string[] {
  const [problems, schema] = [[] as string[], schemaOf(values)]
  for (const [name, , target] of targetsOf(values)) {
    if (target.schema !== null && target.schema !== schema)
      problems.push(`${name} must name the same schema as DATABASE_SCHEMA and DATABASE_URL, or none.`)
    const forbidden = name === 'DATABASE_READ_URL' ? 'primary' : 'standby'
    if (target.role === forbidden)
      problems.push(
        `${name} must not have this target_session_attrs: it leads to ${forbidden === 'standby' ? 'the server that takes writes' : 'a standby'}.`,
      )
  }
  return problems
}

/** The URLs, each with the schema of the tables, and whether they lead to a pooler in transaction mode. */
export function databasesOf(values: Values): Urls & { readonly pooled: boolean } {
  const schema = schemaOf(values)
  const urls: Urls = { DATABASE_URL: null, DATABASE_MIGRATION_URL: null, DATABASE_READ_URL: null }
  let pooled = values.DATABASE_POOLER === 'transaction'
  for (const [name, url, target] of targetsOf(values)) {
    const isNamed = schema === null || target.schema !== null
    urls[name] = isNamed ? url : `${url}${url.includes('?') ? '&' : '?'}schema=${schema}`
    if (name === 'DATABASE_URL') pooled ||= target.pooled
  }
  return { ...urls, pooled }
}
