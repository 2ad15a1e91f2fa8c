// The filters of the security log.
import { useMemo } from 'preact/hooks'
import { Field, type FieldProps, Select } from '../parts/form.tsx'
import { Search } from '../parts/search.tsx'
import { queryValues, type Route, setQuery } from '../route.ts'
import { t } from '../texts.ts'
import { logEvents } from './log-events.ts'

const names = ['user', 'event', 'outcome', 'actor', 'address', 'span', 'since', 'until'] as const
export type Filter = Readonly<Record<(typeof names)[number], string>>

export const filterOf = (route: Route): Filter => queryValues(route, names)

const hourMs = 3_600_000

/** Periods until now, in hours. */
const spans: Readonly<Record<string, number>> = { '1h': 1, '24h': 24, '7d': 7 * 24, '30d': 30 * 24 }

/** The beginning of a day, in local time, as an instant. @param addDays 1: of the day after */
function instantOf(day: string, addDays: number): string {
  if (day === '') return ''
  const date = new Date(`${day}T00:00:00`)
  if (Number.isNaN(date.getTime())) return ''
  date.setDate(date.getDate() + addDays)
  return date.toISOString()
}

/** True if the period is given by days. */
const hasDays = ({ span, since, until }: Filter) => span === 'days' || since !== '' || until !== ''

/** The query of the admin API. It changes only with the filter, because the pages of a list must have the same query. */
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
      <Select
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
      <Select
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

/** A text field whose change takes effect when it loses the focus. */
function FilterField({
  filter,
  set,
  name,
  ...field
}: PartProps & Omit<FieldProps, 'value' | 'name'> & { name: keyof Filter }) {
  return (
    <div class="field" onChange={(event) => set({ [name]: (event.target as HTMLInputElement).value.trim() })}>
      <Field name={name} value={filter[name]} {...field} />
    </div>
  )
}

function Days({ filter, set }: PartProps) {
  const setDay = (changed: Partial<Filter>) => set({ span: 'days', ...changed })
  return (
    <>
      <FilterField filter={filter} set={setDay} label={t('From')} name="since" type="date" />
      <FilterField filter={filter} set={setDay} label={t('To')} name="until" type="date" />
    </>
  )
}

export function Filters({ filter }: { filter: Filter }) {
  const set = (changed: Partial<Filter>) => setQuery({ ...filter, ...changed })
  return (
    <div class="filters">
      <Search
        label={t('Address or UUID of an account')}
        placeholder="ada@example.com"
        value={filter.user}
        search={(user) => set({ user })}
      />
      <Kinds filter={filter} set={set} />
      {/* With a new key the field shows a filter that was changed by a link or a button. */}
      <FilterField
        key={`event ${filter.event}`}
        filter={filter}
        set={set}
        label={t('Event')}
        name="event"
        placeholder="sign_in_refused"
        offered={logEvents}
      />
      <FilterField
        key={`address ${filter.address}`}
        filter={filter}
        set={set}
        label={t('Network')}
        name="address"
        placeholder="203.0.113.7"
      />
      <Select
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
