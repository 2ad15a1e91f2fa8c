// The Grafana dashboard in docs/: every query is balanced and names only metrics and labels that the service has.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { definitions } from '../src/observability/metric-definitions.ts'
import { createMetrics } from '../src/observability/metrics.ts'
import { packageRoot } from '../src/package.ts'
import { readExposition } from './support/exposition.ts'

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}

const dashboard = JSON.parse(readFileSync(join(packageRoot, 'docs/grafana-dashboard.json'), 'utf8'))
const panels: Panel[] = dashboard.panels
const variables: { name: string; query: string }[] = dashboard.templating.list

/** Name of a series to its labels: ours by their definition, those of Node and the process by what they show. */
const series = new Map<string, ReadonlySet<string>>()
for (const [name, { type, samples }] of readExposition(await createMetrics('0').registry.metrics())) {
  const defined = Object.values(definitions).find((definition) => definition.name === name)?.labels
  const labels = [...Object.keys(defined ?? samples[0]?.labels ?? {}), 'job', 'instance']
  if (type === 'histogram') {
    for (const part of ['sum', 'count']) series.set(`${name}_${part}`, new Set(labels))
    series.set(`${name}_bucket`, new Set([...labels, 'le']))
  } else series.set(name, new Set(labels))
}

const functions = new Set(['histogram_quantile', 'label_values', 'max', 'min', 'rate', 'sum', 'topk'])

/** What is wrong with the names and brackets of a PromQL expression. `shown`: labels that its legend uses. */
function problems(expr: string, shown: readonly string[]): string[] {
  const found: string[] = []
  const used = [...expr.matchAll(/\b([a-z][a-z0-9_]*)(\{([^}]*)\})?/g)]
    .map(([, name = '', , matchers]) => ({ name, matchers }))
    .filter(({ name }) => /^(?:sallyport|process|nodejs)_/.test(name))
  if (used.length === 0) found.push('no metric')
  const labels = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', '))
  for (const { name, matchers = '' } of used) {
    const known = series.get(name)
    if (!known) found.push(`no metric ${name}`)
    const matched = matchers.split(',').map((part) => /^(\w+)(?:=|!=|=~|!~)"[^"]*"$/.exec(part)?.[1] ?? part)
    for (const label of [...labels, ...(matchers ? matched : []), ...shown])
      if (known && !known.has(label)) found.push(`${name} has no label ${label}`)
  }
  for (const [, name = ''] of expr.matchAll(/\b([a-z_]+) ?\(/g))
    if (!functions.has(name) && name !== 'by') found.push(`no function ${name}`)
  const open: string[] = []
  for (const [sign] of expr.replace(/"[^"]*"/g, '').matchAll(/[()[\]{}]/g))
    if ('([{'.includes(sign)) open.push({ '(': ')', '[': ']', '{': '}' }[sign] ?? '')
    else if (open.pop() !== sign) found.push(`unbalanced ${sign}`)
  if (open.length > 0) found.push('unbalanced at the end')
  return found
}

t.test('every query of a panel names metrics, labels and functions that exist', async (t) => {
  for (const { title, type, targets = [] } of panels) {
    t.equal(targets.length > 0, type !== 'row', title)
    for (const { expr, legendFormat } of targets) {
      const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label)
      t.same(problems(expr, shown), [], `${title}: ${expr}`)
    }
  }
  for (const { name, query } of variables.filter(({ query }) => query.startsWith('label_values')))
    t.equal(query.split(/[({,]/)[1], definitions.info.name, name)
})

t.test('the check sees what is wrong', async (t) => {
  t.same(problems('rate(sallyport_refreshes_total{outcome="reused"}[5m])', ['outcome']), [])
  for (const broken of [
    'sum (sallyport_no_such_metric)',
    'sum by (no_such_label) (sallyport_refreshes_total)',
    'rate(sallyport_refreshes_total{no_such_label="x"}[5m])',
    'sum (sallyport_refreshes_total',
    'add (sallyport_refreshes_total)',
    '1',
  ])
    t.equal(problems(broken, []).length, 1, broken)
  t.equal(problems('sallyport_refreshes_total', ['no_such_label']).length, 1, 'a legend')
})

t.test('every metric of ours is shown, and every panel has a number of its own', async (t) => {
  const shown = JSON.stringify(dashboard)
  for (const { name } of Object.values(definitions)) t.ok(shown.includes(name), name)
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
})
