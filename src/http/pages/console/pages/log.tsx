// The security log of a project, or of the installation.
import { useState } from 'preact/hooks'
import { base, read, withQuery } from '../api.ts'
import { usePages } from '../loading.ts'
import { ActionButton, RefreshButton } from '../parts/buttons.tsx'
import { Empty, LoadedView } from '../parts/states.tsx'
import { More } from '../parts/table.tsx'
import { Badge, Truncated } from '../parts/text.tsx'
import { Card, View } from '../parts/view.tsx'
import { type Route, setQuery } from '../route.ts'
import { t } from '../texts.ts'
import type { LogEntry, LogVerdict } from '../types.ts'
import { Entry, useAddresses } from './log-entry.tsx'
import { type Filter, Filters, filterOf, useLogQuery } from './log-filters.tsx'

function Verdict({ of }: { of: LogVerdict }) {
  if (of.broken)
    return (
      <p class="error" role="alert">
        {t('The chain is broken:')} {of.broken}
      </p>
    )
  return (
    <p class="whole" role="status">
      <Badge tone="good">{t('Unchanged')}</Badge>{' '}
      {t('The chain of {rows} rows was verified; {unsealed} newer rows join it within seconds.', {
        rows: of.rows,
        unsealed: of.unsealed,
      })}{' '}
      {of.head && <Truncated text={t('Head {position}: {hash}', { ...of.head })} isCode />}
    </p>
  )
}

interface LogProps {
  title: string
  /** Null: the installation. */
  project: string | null
  route: Route
}

function NoEntries({ filter }: { filter: Filter }) {
  const isFiltered = Object.values(filter).some((value) => value !== '')
  return (
    <Empty icon="log" title={t('Nothing is found')}>
      <p>{t('Take a filter away, or choose an earlier day.')}</p>
      {isFiltered && (
        <button type="button" onClick={() => setQuery({})}>
          {t('Clear the filters')}
        </button>
      )}
    </Empty>
  )
}

export function Log({ title, project, route }: LogProps) {
  const named = project ?? 'installation'
  const filter = filterOf(route)
  const query = useLogQuery(filter, named)
  const pages = usePages<LogEntry>('audit', query)
  const addresses = useAddresses(project, pages.data ?? [])
  const [verdict, setVerdict] = useState<LogVerdict | null>(null)
  const exported = (format: string) => withQuery(`${base}api/admin/audit/export`, { ...query, format })
  return (
    <View
      title={title}
      lead={t('What happened, and who did it: append-only, chained, and kept when accounts are gone.')}
      actions={
        <>
          <RefreshButton reload={pages.reload} />
          <a class="button" href={exported('csv')} download={`security-log-${named}.csv`}>
            {t('Export CSV')}
          </a>
          <a class="button" href={exported('jsonl')} download={`security-log-${named}.jsonl`}>
            {t('Export JSON')}
          </a>
          <ActionButton
            work={async () => setVerdict(await read<LogVerdict>('audit/verify', { project: named }))}
            done={t('The chain was checked.')}
          >
            {t('Verify chain')}
          </ActionButton>
        </>
      }
    >
      {verdict && <Verdict of={verdict} />}
      <Filters filter={filter} />
      <Card isFlush>
        <LoadedView of={pages} lines={8}>
          {(rows) =>
            rows.length === 0 ? (
              <NoEntries filter={filter} />
            ) : (
              rows.map((entry) => (
                <Entry
                  key={entry.id}
                  entry={entry}
                  project={project}
                  address={addresses.get(entry.account ?? '') ?? ''}
                />
              ))
            )
          }
        </LoadedView>
        <More pages={pages} />
      </Card>
    </View>
  )
}
