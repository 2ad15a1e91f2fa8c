// Parses the text format of Prometheus (0.0.4) like Prometheus itself: one invalid line refuses the whole scrape.

export interface Family {
  readonly type: string
  readonly help: string
  readonly samples: readonly Sample[]
}

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const number = /^[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)$|^NaN$/i
const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y

function labelsOf(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {}
  let at = 0
  while (at < text.length) {
    label.lastIndex = at
    const found = label.exec(text)
    if (!found?.[1]) throw new Error(`Labels that cannot be read: ${line}`)
    if (found[1] in labels) throw new Error(`A label twice: ${line}`)
    labels[found[1]] = (found[2] ?? '').replace(/\\(.)/g, (_, char) => (char === 'n' ? '\n' : char))
    at = label.lastIndex
  }
  return labels
}

const toNumber = (text: string) => Number(text.replace(/inf$/i, 'Infinity'))

/** @returns families by name @throws an error that names the invalid line */
export function readExposition(text: string): Map<string, Family> {
  const families = new Map<string, { type: string; help: string; samples: Sample[] }>()
  const seen = new Set<string>()
  let current = { type: '', help: '', samples: [] as Sample[] }
  let currentName = ''
  if (!text.endsWith('\n')) throw new Error('The last line has no end.')
  for (const line of text.split('\n')) {
    if (line === '') continue
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line)
    const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$/.exec(line)
    if (help?.[1]) {
      if (families.has(help[1])) throw new Error(`A family twice: ${line}`)
      currentName = help[1]
      current = { type: '', help: help[2] ?? '', samples: [] }
      families.set(currentName, current)
    } else if (type) {
      if (type[1] !== currentName || current.type) throw new Error(`A type out of place: ${line}`)
      current.type = type[2] ?? ''
    } else {
      const [, name = '', labelText = '', value = ''] = sampleLine.exec(line) ?? []
      const endings = current.type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']
      if (!endings.some((ending) => name === `${currentName}${ending}`))
        throw new Error(`A sample of no family: ${line}`)
      if (!number.test(value)) throw new Error(`No number: ${line}`)
      const sample = { name, labels: labelsOf(labelText, line), value: toNumber(value) }
      const series = `${name} ${JSON.stringify(Object.entries(sample.labels).sort())}`
      if (seen.has(series)) throw new Error(`A series twice: ${line}`)
      seen.add(series)
      if (current.type === 'counter' && !(sample.value >= 0)) throw new Error(`A counter below zero: ${line}`)
      current.samples.push(sample)
    }
  }
  for (const [name, family] of families) if (family.type === 'histogram') checkHistogram(name, family)
  return families
}

/** Checks that buckets rise and end with +Inf, whose value is the count. */
function checkHistogram(name: string, { samples }: Family): void {
  const groups = new Map<string, Sample[]>()
  for (const sample of samples) {
    const { le: _, ...others } = sample.labels
    const key = JSON.stringify(Object.entries(others).sort())
    groups.set(key, [...(groups.get(key) ?? []), sample])
  }
  for (const [key, group] of groups) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`)
    const bounds = buckets.map(({ labels }) => toNumber((labels.le ?? '').replace(/^\+/, '')))
    const rising = buckets.every(
      ({ value }, at) =>
        at === 0 || (value >= (buckets[at - 1]?.value ?? 0) && (bounds[at] ?? 0) > (bounds[at - 1] ?? 0)),
    )
    const count = group.find((sample) => sample.name === `${name}_count`)?.value
    if (!rising || bounds.at(-1) !== Number.POSITIVE_INFINITY || buckets.at(-1)?.value !== count)
      throw new Error(`Not a histogram: ${name} ${key}`)
    if (!group.some((sample) => sample.name === `${name}_sum`)) throw new Error(`No sum: ${name} ${key}`)
  }
}

/** The sum of a family's samples with these labels; for a histogram of the samples `<name>_<part>`. */
export function total(
  families: Map<string, Family>,
  name: string,
  labels: Record<string, string> = {},
  part = '',
): number {
  return (families.get(name)?.samples ?? [])
    .filter(
      (sample) =>
        sample.name === `${name}${part}` &&
        Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
    .reduce((sum, { value }) => sum + value, 0)
}
