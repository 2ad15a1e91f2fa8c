// Tables, which become cards on a phone: each cell then says the name of its column.
import type { ComponentChildren } from 'preact'
import type { LoadedPages } from '../loading.ts'
import { t } from '../texts.ts'
import { LoadedView } from './states.tsx'

export interface Column<T> {
  readonly label: string
  readonly show: (row: T) => ComponentChildren
  /** `wide` takes what room there is, `end` is aligned with the end, `act` holds buttons, `spare` is not shown on a phone. */
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
              {kind === 'act' ? <span class="unseen">{label}</span> : label}
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

interface PagedProps<T> extends Omit<TableProps<T>, 'rows'> {
  pages: LoadedPages<T>
  empty: ComponentChildren
}

/** A table of a list in pages, with a button for the next one. */
export function PagedTable<T>({ pages, empty, ...table }: PagedProps<T>) {
  return (
    <LoadedView of={pages} lines={6}>
      {(rows) =>
        rows.length === 0 && !pages.hasMore ? (
          empty
        ) : (
          <>
            <Table {...table} rows={rows} />
            {pages.hasMore && (
              <div class="more">
                <button type="button" onClick={pages.more} disabled={pages.isLoadingMore}>
                  {pages.isLoadingMore ? t('One moment …') : t('Show more')}
                </button>
              </div>
            )}
          </>
        )
      }
    </LoadedView>
  )
}
