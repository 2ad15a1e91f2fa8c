// The documents whose tables follow from the code: variables in operate.md, the life of an account in security.md.
import { withVariablesTable } from '../config/documentation.ts'
import { type Holding, lifecycle } from '../domain/accounts/lifecycle.ts'

const [begin, end] = ['<!-- lifecycle -->', '<!-- /lifecycle -->']

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

/** Puts the table between its markers; null where a document has none. */
function withLifecycleTable(document: string): string | null {
  const [from, to] = [document.indexOf(begin), document.indexOf(end)]
  if (from < 0 || to < from) return null
  return `${document.slice(0, from + begin.length)}\n${lifecycleTable()}\n${document.slice(to)}`
}

/** Each document in docs/ with a table, and the function that puts the table as it must be into it. */
export const documentsWithTables = [
  { file: 'operate.md', withTable: withVariablesTable },
  { file: 'security.md', withTable: withLifecycleTable },
]
