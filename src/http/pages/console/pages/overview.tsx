// The overview of a project: statistics of the last days, impersonations and properties.
import { useState } from 'preact/hooks'
import { showChange, showMethods, showName, showNumber } from '../format.ts'
import { useRead } from '../loading.ts'
import { Chart, type ChartProps, type Series, sum } from '../parts/chart.tsx'
import { LoadedView } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { Id, When } from '../parts/text.tsx'
import { Card, Facts, View } from '../parts/view.tsx'
import { can } from '../permissions.ts'
import { linkTo } from '../route.ts'
import { t } from '../texts.ts'
import type { DayStats, Project, Stats } from '../types.ts'
import { Impersonations } from './impersonations.tsx'
import { ProjectActions } from './project-actions.tsx'
import { ProjectBadge } from './projects.tsx'

interface OverviewProps {
  project: Project
  changed: () => void
}

const periods = [7, 30, 90] as const

export function Overview({ project, changed }: OverviewProps) {
  return (
    <View
      title={project.name}
      lead={<ProjectBadge project={project} />}
      actions={<ProjectActions project={project} changed={changed} />}
    >
      {can('stats.read', project.id) && <Figures project={project.id} />}
      {can('impersonations.read', project.id) && <Impersonations project={project.id} />}
      <Card title={t('About this project')}>
        <Facts
          of={[
            [t('Project id'), <Id key="id" text={project.id} />],
            [t('Secret'), project.has_secret ? t('Set; its hash is stored') : t('None')],
            [t('Created'), <When key="created" at={project.created_at} />],
            project.archived_at && [t('Archived'), <When key="archived" at={project.archived_at} />],
          ]}
        />
      </Card>
    </View>
  )
}

/** Sign-ins as one series for each method. Methods with the same name are added up. */
function seriesOf(days: readonly DayStats[]): Series[] {
  const byName = new Map<string, number[]>()
  days.forEach(({ sign_ins }, at) => {
    for (const [amr, count] of Object.entries(sign_ins)) {
      const values = byName.get(showMethods(amr)) ?? days.map(() => 0)
      values[at] = (values[at] ?? 0) + count
      byName.set(showMethods(amr), values)
    }
  })
  const series = [...byName].map(([name, values]) => ({ name, values }))
  return series.length > 0 ? series : [{ name: t('Sign-ins'), values: days.map(() => 0) }]
}

/** The number of users, with a link to them. */
function UserCount({ project, of }: { project: string; of: Stats['users'] }) {
  const count = of.is_more ? t('More than {count}', { count: showNumber(of.count) }) : showNumber(of.count)
  const words = (
    <>
      <b>{count}</b> {of.count === 1 ? t('user') : t('users')}
    </>
  )
  if (!can('users.read', project)) return <p class="count">{words}</p>
  return (
    <p class="count">
      <a href={linkTo(['projects', project, 'users'])}>{words}</a>
    </p>
  )
}

function Figures({ project }: { project: string }) {
  const [days, setDays] = useState<number>(30)
  const stats = useRead<Stats>('stats', { project, days })
  return (
    <>
      <div class="strip">
        <fieldset class="periods">
          <legend class="visually-hidden">{t('Period')}</legend>
          {periods.map((period) => (
            <label key={period}>
              <input type="radio" name="period" checked={period === days} onChange={() => setDays(period)} />
              <span>{t('{days} days', { days: period })}</span>
            </label>
          ))}
        </fieldset>
        {stats.data && <UserCount project={project} of={stats.data.users} />}
      </div>
      <LoadedView of={stats} lines={8}>
        {(data) => (
          <>
            <Charts of={data} />
            <Refusals project={project} of={data.refusals} />
          </>
        )}
      </LoadedView>
    </>
  )
}

function Charts({ of: { data, period, before } }: { of: Stats }) {
  const days = data.map(({ day }) => day)
  const one = (name: string, pick: (day: DayStats) => number): Series[] => [{ name, values: data.map(pick) }]
  const lockouts = sum(data.map(({ lockouts }) => lockouts))
  const most = Math.max(0, ...data.map(({ active_users }) => active_users))
  const change = (name: keyof typeof period) => ({ value: period[name], before: before[name] })
  return (
    <div class="figures">
      <Figure
        title={t('Sign-ups')}
        {...change('sign_ups')}
        days={days}
        series={one(t('Sign-ups'), ({ sign_ups }) => sign_ups)}
      />
      <Figure title={t('Sign-ins')} {...change('sign_ins')} days={days} series={seriesOf(data)} />
      <Figure
        title={t('Active users')}
        {...change('active_users')}
        note={t('at most {count} on one day', { count: showNumber(most) })}
        days={days}
        series={one(t('Active users'), ({ active_users }) => active_users)}
      />
      <Figure
        title={t('Refused sign-ins')}
        {...change('failures')}
        note={lockouts === 0 ? t('no lockout') : t('{count} lockouts', { count: showNumber(lockouts) })}
        days={days}
        series={one(t('Refused sign-ins'), ({ failures }) => failures)}
        isWrong
      />
    </div>
  )
}

interface FigureProps extends ChartProps {
  value: number
  /** The value of the period of equal length before. */
  before: number
  note?: string
}

function Figure({ value, before, note, ...chart }: FigureProps) {
  const { title, days } = chart
  const change = showChange(value, before)
  return (
    <section class="card figure" aria-label={title}>
      <h2>{title}</h2>
      <p class="number">
        {showNumber(value)}
        {change && (
          <small
            class="change"
            title={t('{count} in the {days} days before', { count: showNumber(before), days: days.length })}
          >
            {t('{change} on the {days} days before', { change, days: days.length })}
          </small>
        )}
        {note && <small>{note}</small>}
      </p>
      <Chart {...chart} />
    </section>
  )
}

/** The most frequent reasons for which sign-ins were refused. */
function Refusals({ project, of }: { project: string; of: Stats['refusals'] }) {
  if (of.length === 0) return null
  const link = (event: string) => linkTo(['projects', project, 'log'], { event })
  return (
    <Card isFlush title={t('Why sign-ins were refused')}>
      <Table
        label={t('Why sign-ins were refused')}
        rows={of}
        id={({ event, reason }) => `${event} ${reason}`}
        columns={[
          {
            label: t('Reason'),
            kind: 'wide',
            show: ({ reason }) => (reason === '' ? t('Not told') : showName(reason)),
          },
          {
            label: t('Event'),
            show: ({ event }) =>
              can('audit.read', project) ? <a href={link(event)}>{showName(event)}</a> : showName(event),
          },
          { label: t('Times'), kind: 'end', show: ({ count }) => showNumber(count) },
        ]}
      />
    </Card>
  )
}
