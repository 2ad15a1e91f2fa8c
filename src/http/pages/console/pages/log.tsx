// The security log: of a project, or of what concerns none.
import { useState } from 'preact/hooks'
import { base, read, withQuery } from '../api.ts'
import { showInstant, showName } from '../format.ts'
import { usePages } from '../loading.ts'
import { can } from '../may.ts'
import { Act } from '../parts/act.tsx'
import { Search } from '../parts/filters.tsx'
import { Choice, Field } from '../parts/form.tsx'
import { Empty, LoadedView } from '../parts/states.tsx'
import { Badge, Cut } from '../parts/text.tsx'
import { Card, View } from '../parts/view.tsx'
import { type Route, setQuery, to } from '../route.ts'
import { t } from '../texts.ts'
import type { LogEntry, LogVerdict } from '../types.ts'

const names = ['user', 'event', 'outcome', 'actor', 'address', 'since', 'until'] as const
type Filter = Record<(typeof names)[number], string>

const filterOf = (route: Route): Filter =>
  Object.fromEntries(names.map((name) => [name, route.query.get(name) ?? ''])) as Filter

/** A day that was chosen, as an instant: its beginning, or that of the next one. */
function instantOf(day: string, addDays: number): string {
  if (day === '') return ''
  const date = new Date(`${day}T00:00:00`)
  if (Number.isNaN(date.getTime())) return ''
  date.setDate(date.getDate() + addDays)
  return date.toISOString()
}

function Filters({ filter }: { filter: Filter }) {
  const set = (changed: Partial<Filter>) => setQuery({ ...filter, ...changed })
  const typed = (name: keyof Filter) => (event: Event) =>
    set({ [name]: (event.target as HTMLInputElement).value.trim() })
  return (
    <div class="filters">
      <Search
        label={t('Address or UUID of an account')}
        placeholder="ada@example.com"
        value={filter.user}
        search={(user) => set({ user })}
      />
      <Choice
        label={t('Outcome')}
        name="outcome"
        value={filter.outcome}
        options={[
          ['', t('Every outcome')],
          ['success', t('Success')],
          ['refused', t('Refused')],
        ]}
        onChange={(outcome) => set({ outcome })}
      />
      <Choice
        label={t('Who acted')}
        name="actor"
        value={filter.actor}
        options={[
          ['', t('Everybody')],
          ['user', t('User')],
          ['api_key', t('API key')],
          ['operator', t('Operator')],
          ['none', t('Nobody who is known')],
        ]}
        onChange={(actor) => set({ actor })}
      />
      {/* Changes of plain fields take effect when they are left. */}
      <div class="field" onChange={typed('event')}>
        <Field label={t('Event')} name="event" value={filter.event} placeholder="sign_in_refused" />
      </div>
      <div class="field" onChange={typed('address')}>
        <Field label={t('Network')} name="address" value={filter.address} placeholder="203.0.113.7" />
      </div>
      <div class="field" onChange={typed('since')}>
        <Field label={t('From')} name="since" type="date" value={filter.since} />
      </div>
      <div class="field" onChange={typed('until')}>
        <Field label={t('To')} name="until" type="date" value={filter.until} />
      </div>
    </div>
  )
}

const actors: Readonly<Record<string, string>> = {
  user: 'User',
  api_key: 'API key',
  operator: 'Operator',
  none: 'Nobody who is known',
}

function Entry({ entry, project }: { entry: LogEntry; project: string | null }) {
  const mayLook = project !== null && entry.account !== null && can('users.read', project)
  const why = typeof entry.details.reason === 'string' ? showName(entry.details.reason) : ''
  return (
    <details class="event">
      <summary>
        <span>
          {showName(entry.event)} {why && <span class="quiet">{why}</span>}
        </span>
        <span class="quiet">{showInstant(entry.at)}</span>
        <span>
          <Cut text={t(actors[entry.actor] ?? entry.actor)} />
          <span class="below">
            <Cut text={entry.address_prefix ?? t('No network')} isCode />
          </span>
        </span>
        <Badge tone={entry.outcome === 'success' ? 'good' : 'wrong'}>{showName(entry.outcome)}</Badge>
      </summary>
      {mayLook && (
        <p>
          <a href={to(['projects', String(project), 'users', String(entry.account)])}>
            {t('Go to the user')}
          </a>
        </p>
      )}
      <pre>{JSON.stringify(entry, null, 2)}</pre>
    </details>
  )
}

function Verdict({ of }: { of: LogVerdict }) {
  if (of.broken)
    return (
      <p class="trouble" role="alert">
        {t('The chain is broken:')} {of.broken}
      </p>
    )
  return (
    <p class="whole" role="status">
      <Badge tone="good">{t('Whole')}</Badge>{' '}
      {t('{rows} sealed rows were verified; {unsealed} wait for the next sealing.', {
        rows: of.rows,
        unsealed: of.unsealed,
      })}{' '}
      {of.head && <Cut text={t('Head {position}: {hash}', { ...of.head })} isCode />}
    </p>
  )
}

interface LogProps {
  title: string
  /** Null: what concerns no project. */
  project: string | null
  route: Route
}

export function Log({ title, project, route }: LogProps) {
  const named = project ?? 'installation'
  const filter = filterOf(route)
  const query = {
    ...filter,
    project: named,
    since: instantOf(filter.since, 0),
    until: instantOf(filter.until, 1),
  }
  const pages = usePages<LogEntry>('audit', query)
  const [verdict, setVerdict] = useState<LogVerdict | null>(null)
  const exported = (format: string) => withQuery(`${base}api/admin/audit/export`, { ...query, format })
  return (
    <View
      title={title}
      lead={t('What happened, and who did it: append-only, chained, and kept when accounts are gone.')}
      actions={
        <>
          <a class="button" href={exported('csv')} download={`security-log-${named}.csv`}>
            {t('Export CSV')}
          </a>
          <a class="button" href={exported('jsonl')} download={`security-log-${named}.jsonl`}>
            {t('Export JSON')}
          </a>
          <Act
            work={async () => setVerdict(await read<LogVerdict>('audit/verify', { project: named }))}
            done={t('The chain was followed.')}
          >
            {t('Verify chain')}
          </Act>
        </>
      }
    >
      {verdict && <Verdict of={verdict} />}
      <Filters filter={filter} />
      <Card isFlush>
        <LoadedView of={pages} lines={8}>
          {(rows) =>
            rows.length === 0 ? (
              <Empty icon="log" title={t('Nothing is found')}>
                {t('Take a filter away, or choose an earlier day.')}
              </Empty>
            ) : (
              rows.map((entry) => <Entry key={entry.id} entry={entry} project={project} />)
            )
          }
        </LoadedView>
        {pages.hasMore && (
          <div class="more">
            <button type="button" onClick={pages.more} disabled={pages.isLoadingMore}>
              {t('Show more')}
            </button>
          </div>
        )}
      </Card>
    </View>
  )
}
