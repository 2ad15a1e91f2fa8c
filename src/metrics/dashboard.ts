// The dashboard for Grafana, derived from the list of metrics: it cannot show one that is not there.
import { type Definition, definitions, type MetricKey } from './definitions.ts'

type Unit = 's' | 'reqps' | 'short' | 'percentunit' | 'bytes' | 'ops'

interface Line {
  readonly expr: string
  readonly legend: string
}

interface Panel {
  readonly title: string
  readonly description: string
  readonly unit: Unit
  readonly lines: readonly Line[]
}

const only = '{job=~"$job",instance=~"$instance"}'
const matching = (labels: string) => `{job=~"$job",instance=~"$instance",${labels}}`
const name = (key: MetricKey) => definitions[key].name

/** Increase a second, summed by labels of the metric. */
function rate(key: MetricKey, by: readonly string[] = [], labels?: string): string {
  const { labels: known }: Definition = definitions[key]
  for (const label of by) if (!(label in known)) throw new Error(`${name(key)} has no label ${label}.`)
  const grouped = by.length > 0 ? ` by (${by.join(', ')})` : ''
  return `sum${grouped} (rate(${name(key)}${labels ? matching(labels) : only}[$__rate_interval]))`
}

/** A quantile of a histogram, for each value of `by`. */
function quantile(q: number, key: MetricKey, by: readonly string[] = []): string {
  const labels = ['le', ...by].join(', ')
  return `histogram_quantile(${q}, sum by (${labels}) (rate(${name(key)}_bucket${only}[$__rate_interval])))`
}

const gauge = (key: MetricKey, by = 'sum', labels?: string) =>
  `${by} (${name(key)}${labels ? matching(labels) : only})`
const ofNode = (metric: string, by: 'sum' | 'max') => `${by} by (instance) (${metric}${only})`
const failed = rate('requests', [], 'status=~"5.."')

const rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[] = [
  {
    title: 'Requests',
    panels: [
      {
        title: 'Requests by route',
        description: 'Answered in a second, the twelve busiest.',
        unit: 'reqps',
        lines: [
          { expr: `topk(12, ${rate('requests', ['method', 'route'])})`, legend: '{{method}} {{route}}' },
        ],
      },
      {
        title: 'Failures by route',
        description: 'Answers of 500 and more: a defect, a part that is down, or a queue that is full.',
        unit: 'reqps',
        lines: [
          {
            expr: rate('requests', ['method', 'route', 'status'], 'status=~"5.."'),
            legend: '{{status}} {{method}} {{route}}',
          },
        ],
      },
      {
        title: 'Share of failures',
        description: 'Of all answers.',
        unit: 'percentunit',
        lines: [{ expr: `${failed} / ${rate('requests')}`, legend: 'failures' }],
      },
      {
        title: 'Time of a request, p50',
        description: 'The twelve slowest routes.',
        unit: 's',
        lines: [
          {
            expr: `topk(12, ${quantile(0.5, 'requestSeconds', ['method', 'route'])})`,
            legend: '{{method}} {{route}}',
          },
        ],
      },
      {
        title: 'Time of a request, p99',
        description: 'The twelve slowest routes. Sign-ins are as slow as their hashes.',
        unit: 's',
        lines: [
          {
            expr: `topk(12, ${quantile(0.99, 'requestSeconds', ['method', 'route'])})`,
            legend: '{{method}} {{route}}',
          },
        ],
      },
      {
        title: 'Refused for being too many',
        description: 'By a limit of the policy, by a lockout, or because the event loop was stalled.',
        unit: 'reqps',
        lines: [
          { expr: rate('limited', ['class']), legend: 'limit {{class}}' },
          { expr: rate('lockedOut'), legend: 'lockout' },
          { expr: rate('shed'), legend: 'stalled' },
        ],
      },
    ],
  },
  {
    title: 'Accounts',
    panels: [
      {
        title: 'Sign-ins',
        description: 'By what was presented and what came of it.',
        unit: 'ops',
        lines: [{ expr: rate('signIns', ['method', 'outcome']), legend: '{{method}} {{outcome}}' }],
      },
      {
        title: 'Refreshes',
        description: 'Reused tokens end their session: stolen, or a client that keeps old ones.',
        unit: 'ops',
        lines: [{ expr: rate('refreshes', ['outcome']), legend: '{{outcome}}' }],
      },
      {
        title: 'What happened to accounts',
        description: 'As their activity tells it; sessions that were ended among it.',
        unit: 'ops',
        lines: [{ expr: rate('accountEvents', ['event']), legend: '{{event}}' }],
      },
    ],
  },
  {
    title: 'Parts',
    panels: [
      {
        title: 'Password hashes',
        description: 'When as many wait as may, sign-ins are refused.',
        unit: 'short',
        lines: [
          { expr: gauge('hashesRunning'), legend: 'running' },
          { expr: gauge('hashesWaiting'), legend: 'waiting' },
          { expr: gauge('hashCapacity'), legend: 'may wait' },
        ],
      },
      {
        title: 'Wait for a hash',
        description: 'For a slot, before anything is computed.',
        unit: 's',
        lines: [
          { expr: quantile(0.5, 'hashWait'), legend: 'p50' },
          { expr: quantile(0.99, 'hashWait'), legend: 'p99' },
        ],
      },
      {
        title: 'Connections to the database',
        description: 'Who waits three seconds for one is refused.',
        unit: 'short',
        lines: [
          { expr: `sum by (state) (${name('connections')}${only})`, legend: '{{state}}' },
          { expr: gauge('databaseWaiting'), legend: 'waiting' },
          { expr: gauge('databaseUp', 'min'), legend: 'database up' },
        ],
      },
      {
        title: 'Wait for a connection, p99',
        description: 'Of those that had to wait, and how many did in a second.',
        unit: 's',
        lines: [{ expr: quantile(0.99, 'databaseWait'), legend: 'p99' }],
      },
      {
        title: 'Neighbours in use',
        description: '1: limits are counted in Redis, the standby is read from. 0: it is done without them.',
        unit: 'short',
        lines: [
          { expr: gauge('redisCounting', 'min'), legend: 'Redis' },
          { expr: gauge('standbyRead', 'min'), legend: 'standby' },
        ],
      },
      {
        title: 'Share of hits',
        description: 'Callers recognised without asking the database.',
        unit: 'percentunit',
        lines: [
          {
            expr: `${rate('cacheAsked', ['cache'], 'outcome="hit"')} / ${rate('cacheAsked', ['cache'])}`,
            legend: '{{cache}}',
          },
        ],
      },
      {
        title: 'Callers remembered',
        description: 'By all workers of all instances.',
        unit: 'short',
        lines: [{ expr: `sum by (cache) (${name('cacheSize')}${only})`, legend: '{{cache}}' }],
      },
      {
        title: 'Mail owed',
        description: 'Dead mail waits for an operator: npx . mail list --dead.',
        unit: 'short',
        lines: [
          { expr: gauge('mailsOwed', 'max'), legend: 'owed' },
          { expr: gauge('mailsDead', 'max'), legend: 'dead' },
        ],
      },
      {
        title: 'Age of the oldest mail',
        description: 'A mail server that is down, or a courier that cannot keep up.',
        unit: 's',
        lines: [{ expr: gauge('oldestMail', 'max'), legend: 'oldest' }],
      },
      {
        title: 'Mail tried',
        description: 'In a second, by what came of it.',
        unit: 'ops',
        lines: [{ expr: rate('mails', ['outcome']), legend: '{{outcome}}' }],
      },
    ],
  },
  {
    title: 'Process',
    panels: [
      {
        title: 'Memory',
        description: 'Of all workers of an instance.',
        unit: 'bytes',
        lines: [
          { expr: ofNode('process_resident_memory_bytes', 'sum'), legend: '{{instance}} resident' },
          { expr: ofNode('nodejs_heap_size_used_bytes', 'sum'), legend: '{{instance}} heap' },
        ],
      },
      {
        title: 'Event loop lag, p99',
        description: 'Of the slowest worker since the scrape before.',
        unit: 's',
        lines: [{ expr: ofNode('nodejs_eventloop_lag_p99_seconds', 'max'), legend: '{{instance}}' }],
      },
      {
        title: 'Processor',
        description: 'Cores in use.',
        unit: 'short',
        lines: [
          {
            expr: `sum by (instance) (rate(process_cpu_seconds_total${only}[$__rate_interval]))`,
            legend: '{{instance}}',
          },
        ],
      },
    ],
  },
]

// biome-ignore lint/suspicious/noTemplateCurlyInString: what Grafana replaces by the source that was chosen
const source = { type: 'prometheus', uid: '${datasource}' }
const [width, height, columns] = [8, 8, 3]

/** Name, label values and all: what Grafana imports. The same bytes for the same list. */
export function generateDashboard(): string {
  let id = 0
  let y = 0
  const panels = rows.flatMap(({ title, panels }) => {
    const row = {
      id: ++id,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { x: 0, y, w: 24, h: 1 },
      panels: [],
    }
    const shown = panels.map((panel, at) => ({
      id: ++id,
      type: 'timeseries',
      title: panel.title,
      description: panel.description,
      datasource: source,
      gridPos: {
        x: (at % columns) * width,
        y: y + 1 + Math.floor(at / columns) * height,
        w: width,
        h: height,
      },
      fieldConfig: {
        defaults: { unit: panel.unit, min: 0, custom: { fillOpacity: 8, showPoints: 'never' } },
        overrides: [],
      },
      options: {
        legend: { displayMode: 'list', placement: 'bottom' },
        tooltip: { mode: 'multi', sort: 'desc' },
      },
      targets: panel.lines.map(({ expr, legend }, line) => ({
        refId: String.fromCharCode(65 + line),
        datasource: source,
        expr,
        legendFormat: legend,
      })),
    }))
    y += 1 + Math.ceil(panels.length / columns) * height
    return [row, ...shown]
  })
  const variable = (label: string, within: string) => ({
    name: label,
    type: 'query',
    datasource: source,
    query: `label_values(${name('info')}${within}, ${label})`,
    refresh: 2,
    includeAll: true,
    multi: true,
    current: { text: 'All', value: '$__all' },
  })
  const dashboard = {
    uid: 'sallyport',
    title: 'Sallyport',
    tags: ['sallyport'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Prometheus' },
        variable('job', ''),
        variable('instance', '{job=~"$job"}'),
      ],
    },
    panels,
  }
  return `${JSON.stringify(dashboard, null, 2)}\n`
}
