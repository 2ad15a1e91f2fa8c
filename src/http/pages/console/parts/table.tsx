// Tables. On a phone each row is a card, and each cell has the name of its column.
import type { ComponentChildren } from 'preact'
import type { LoadedPages, Loading } from '../loading.ts'
import { t } from '../texts.ts'
import type { List } from '../types.ts'
import { LoadedView } from './states.tsx'

export interface Column<T> {
  readonly label: string
  readonly show: (row: T) => ComponentChildren
  /** `wide` takes the remaining width, `end` is for numbers, `act` for buttons; `spare` is hidden on a phone. */
  readonly kind?: 'wide' | 'end' | 'act' | 'spare'
}

interface TableProps<T> {
  label: string
  rows: readonly T[]
  columns: readonly Column<T>[]
  id: (row: T) => string | number
}

export function Table<T>({ label, rows, columns, id }: TableProps<T>) {
  return (
    // biome-ignore-start lint/a11y/noRedundantRoles: as blocks, the parts of a table lose their roles
    <table role="table" aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ label, kind }) => (
            <th key={label} role="columnheader" scope="col" class={kind}>
              {kind === 'act' ? <span class="visually-hidden">{label}</span> : label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={id(row)} role="row">
            {columns.map(({ label, kind, show }) => (
              <td key={label} role="cell" class={kind} data-label={label}>
                {show(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
    // biome-ignore-end lint/a11y/noRedundantRoles: as blocks, the parts of a table lose their roles
  )
}

/** A column with the buttons of each row. */
export const actionsColumn = <T,>(show: (row: T) => ComponentChildren): Column<T> => ({
  label: t('Actions'),
  kind: 'act',
  show: (row) => <span>{show(row)}</span>,
})

interface ListTableProps<T> extends Omit<TableProps<T>, 'rows'> {
  list: Loading<List<T>>
  /** Of the skeleton. */
  lines?: number
  /** Shown instead of a table without rows. */
  empty?: ComponentChildren
}

/** A table of a list that is loaded as a whole. */
export function ListTable<T>({ list, lines, empty, ...table }: ListTableProps<T>) {
  return (
    <LoadedView of={list} lines={lines}>
      {({ data }) => (data.length === 0 && empty ? empty : <Table {...table} rows={data} />)}
    </LoadedView>
  )
}

/** The button that loads the next page of a list. */
export function More({ pages }: { pages: LoadedPages<unknown> }) {
  if (!pages.hasMore) return null
  return (
    <div class="more">
      <button type="button" onClick={pages.more} disabled={pages.isLoadingMore}>
        {pages.isLoadingMore ? t('One moment …') : t('Show more')}
      </button>
    </div>
  )
}

interface PagedTableProps<T> extends Omit<TableProps<T>, 'rows'> {
  pages: LoadedPages<T>
  empty: ComponentChildren
}

/** A table of a list that is loaded page by page. */
export function PagedTable<T>({ pages, empty, ...table }: PagedTableProps<T>) {
  return (
    <LoadedView of={pages} lines={6}>
      {(rows) =>
        rows.length === 0 && !pages.hasMore ? (
          empty
        ) : (
          <>
            <Table {...table} rows={rows} />
            <More pages={pages} />
          </>
        )
      }
    </LoadedView>
  )
}
