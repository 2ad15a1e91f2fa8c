// Small bar charts with one bar for each day, stacked if there are several series.
import { showDay, showNumber } from '../format.ts'

export interface Series {
  readonly name: string
  readonly values: readonly number[]
}

export interface ChartProps {
  title: string
  days: readonly string[]
  series: readonly Series[]
  /** True: the bars have the colour of refusals. */
  isWrong?: boolean
}

const [width, height] = [320, 96]

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** The title of a day’s bar, such as “20 Nov: 3 Password, 1 Passkey”. */
function titleOf(day: string, at: number, series: readonly Series[]): string {
  const parts = series
    .filter(({ values }) => (values[at] ?? 0) > 0)
    .map(({ name, values }) => `${showNumber(values[at] ?? 0)} ${name}`)
  return `${showDay(day)}: ${parts.join(', ') || '0'}`
}

export function Chart({ title, days, series, isWrong = false }: ChartProps) {
  const totals = days.map((_, at) => sum(series.map(({ values }) => values[at] ?? 0)))
  const top = Math.max(1, ...totals)
  const step = width / Math.max(1, days.length)
  return (
    <figure class={isWrong ? 'chart wrong' : 'chart'}>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}: ${showNumber(sum(totals))}`}
      >
        {days.map((day, at) => {
          let y = height
          return (
            <g key={day}>
              <title>{titleOf(day, at, series)}</title>
              <rect class="ground" x={at * step} y={0} width={step} height={height} />
              {series.map(({ name, values }, index) => {
                const size = ((values[at] ?? 0) / top) * (height - 4)
                y -= size
                return (
                  <rect
                    key={name}
                    class={`series series-${index % 5}`}
                    x={at * step + step * 0.14}
                    y={y}
                    width={step * 0.72}
                    height={size}
                  />
                )
              })}
            </g>
          )
        })}
      </svg>
      <figcaption>
        <span>{showDay(days[0] ?? '1970-01-01')}</span>
        <span>{showDay(days.at(-1) ?? '1970-01-01')}</span>
      </figcaption>
      {series.length > 1 && (
        <ul class="legend">
          {series.map(({ name, values }, index) => (
            <li key={name}>
              <i class={`series-${index % 5}`} />
              {name} <b>{showNumber(sum(values))}</b>
            </li>
          ))}
        </ul>
      )}
    </figure>
  )
}
