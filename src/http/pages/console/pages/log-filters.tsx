// What the security log is searched by.
import { useMemo } from 'preact/hooks'
import { Search } from '../parts/filters.tsx'
import { Choice, Field } from '../parts/form.tsx'
import { type Route, setQuery } from '../route.ts'
import { t } from '../texts.ts'
import { logEvents } from './log-events.ts'

const names = ['user', 'event', 'outcome', 'actor', 'address', 'span', 'since', 'until'] as const
export type Filter = Readonly<Record<(typeof names)[number], string>>

export const filterOf = (route: Route): Filter =>
  Object.fromEntries(names.map((name) => [name, route.query.get(name) ?? ''])) as Filter

const hourMs = 3_600_000

/** Spans that end now, in hours. */
const spans: Readonly<Record<string, number>> = { '1h': 1, '24h': 24, '7d': 7 * 24, '30d': 30 * 24 }

/** A day that was chosen, as an instant: its beginning, or that of the next one. */
function instantOf(day: string, addDays: number): string {
  if (day === '') return ''
  const date = new Date(`${day}T00:00:00`)
  if (Number.isNaN(date.getTime())) return ''
  date.setDate(date.getDate() + addDays)
  return date.toISOString()
}

/** Whether days are chosen one by one. */
const hasDays = ({ span, since, until }: Filter) => span === 'days' || since !== '' || until !== ''

/** The query of the admin API. It stays the same as long as the filter does: the pages of one list have one query. */
export function useLogQuery(filter: Filter, project: string): Readonly<Record<string, string>> {
  const { span, since, until, ...rest } = filter
  const hours = Object.hasOwn(spans, span) ? spans[span] : undefined
  const begin = useMemo(
    () => (hours === undefined ? '' : new Date(Date.now() - hours * hourMs).toISOString()),
    [hours],
  )
  const days = { since: instantOf(since, 0), until: instantOf(until, 1) }
  return { ...rest, project, ...(hours === undefined ? days : { since: begin }) }
}

interface PartProps {
  filter: Filter
  set: (changed: Partial<Filter>) => void
}

function Kinds({ filter, set }: PartProps) {
  return (
    <>
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
    </>
  )
}

function Days({ filter, set }: PartProps) {
  const typed = (name: 'since' | 'until') => (event: Event) =>
    set({ span: 'days', [name]: (event.target as HTMLInputElement).value.trim() })
  return (
    <>
      <div class="field" onChange={typed('since')}>
        <Field label={t('From')} name="since" type="date" value={filter.since} />
      </div>
      <div class="field" onChange={typed('until')}>
        <Field label={t('To')} name="until" type="date" value={filter.until} />
      </div>
    </>
  )
}

export function Filters({ filter }: { filter: Filter }) {
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
      <Kinds filter={filter} set={set} />
      {/* Changes of plain fields take effect when they are left. */}
      <div class="field" onChange={typed('event')}>
        <Field
          key={filter.event}
          label={t('Event')}
          name="event"
          value={filter.event}
          placeholder="sign_in_refused"
          offered={logEvents}
        />
      </div>
      <div class="field" onChange={typed('address')}>
        <Field
          key={filter.address}
          label={t('Network')}
          name="address"
          value={filter.address}
          placeholder="203.0.113.7"
        />
      </div>
      <Choice
        label={t('When')}
        name="span"
        value={hasDays(filter) ? 'days' : filter.span}
        options={[
          ['', t('At any time')],
          ['1h', t('In the last hour')],
          ['24h', t('In the last 24 hours')],
          ['7d', t('In the last 7 days')],
          ['30d', t('In the last 30 days')],
          ['days', t('From day to day')],
        ]}
        onChange={(span) => set({ span, since: '', until: '' })}
      />
      {hasDays(filter) && <Days filter={filter} set={set} />}
    </div>
  )
}
