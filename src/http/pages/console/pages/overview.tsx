// One project at a glance: figures and charts of the last days, and its settings.
import { useState } from 'preact/hooks'
import { showMethods, showNumber } from '../format.ts'
import { useRead } from '../loading.ts'
import { can } from '../may.ts'
import { Chart, type Series } from '../parts/chart.tsx'
import { LoadedView } from '../parts/states.tsx'
import { Id, When } from '../parts/text.tsx'
import { Card, Facts, View } from '../parts/view.tsx'
import { t } from '../texts.ts'
import type { DayStats, List, Project } from '../types.ts'
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
            ...(project.archived_at
              ? ([[t('Archived'), <When key="archived" at={project.archived_at} />]] as const)
              : []),
          ]}
        />
      </Card>
    </View>
  )
}

/** Sign-ins by method, as one series for each; methods of the same name are one. */
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

const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

function Figures({ project }: { project: string }) {
  const [days, setDays] = useState<number>(30)
  const stats = useRead<List<DayStats>>('stats', { project, days })
  return (
    <>
      <fieldset class="periods">
        <legend class="unseen">{t('Period')}</legend>
        {periods.map((period) => (
          <label key={period}>
            <input type="radio" name="period" checked={period === days} onChange={() => setDays(period)} />
            <span>{t('{days} days', { days: period })}</span>
          </label>
        ))}
      </fieldset>
      <LoadedView of={stats} lines={8}>
        {({ data }) => <Charts of={data} />}
      </LoadedView>
    </>
  )
}

function Charts({ of }: { of: readonly DayStats[] }) {
  const days = of.map(({ day }) => day)
  const signIns = seriesOf(of)
  const one = (name: string, pick: (day: DayStats) => number): Series[] => [{ name, values: of.map(pick) }]
  const signUps = one(t('Sign-ups'), ({ sign_ups }) => sign_ups)
  const active = one(t('Active users'), ({ active_users }) => active_users)
  const failures = one(t('Refused sign-ins'), ({ failures }) => failures)
  const lockouts = total(of.map(({ lockouts }) => lockouts))
  const most = Math.max(0, ...of.map(({ active_users }) => active_users))
  return (
    <div class="figures">
      <Figure title={t('Sign-ups')} value={total(signUps[0]?.values ?? [])} days={days} series={signUps} />
      <Figure
        title={t('Sign-ins')}
        value={total(signIns.flatMap(({ values }) => values))}
        days={days}
        series={signIns}
      />
      <Figure
        title={t('Active users')}
        value={most}
        note={t('on the busiest day')}
        days={days}
        series={active}
      />
      <Figure
        title={t('Refused sign-ins')}
        value={total(failures[0]?.values ?? [])}
        note={lockouts === 0 ? t('no lockout') : t('{count} lockouts', { count: showNumber(lockouts) })}
        days={days}
        series={failures}
        tone="wrong"
      />
    </div>
  )
}

interface FigureProps {
  title: string
  value: number
  note?: string
  days: readonly string[]
  series: readonly Series[]
  tone?: 'accent' | 'wrong'
}

function Figure({ title, value, note, days, series, tone = 'accent' }: FigureProps) {
  return (
    <section class="card figure" aria-label={title}>
      <h2>{title}</h2>
      <p class="number">
        {showNumber(value)} {note && <small>{note}</small>}
      </p>
      <Chart title={title} days={days} series={series} tone={tone} />
    </section>
  )
}
