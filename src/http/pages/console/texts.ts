// The texts of the console: English sentences in the code, and a table for each further language.

/** A translation by its English sentence; `{name}` is filled in. */
type Table = Readonly<Record<string, string>>

/** By primary language subtag. A sentence that a table lacks is English. */
const tables: Readonly<Record<string, Table>> = {}

const rightToLeft = new Set(['ar', 'fa', 'he', 'ur'])
const primary = (tag: string) => tag.toLowerCase().split('-')[0] ?? 'en'

const preferred = primary(navigator.language)
const language = Object.hasOwn(tables, preferred) ? preferred : 'en'
const table: Table = tables[language] ?? {}

/** The language of dates and numbers: the person's own. */
export const locale = navigator.language || 'en'

/** Sets language and direction of the page; the direction is that of the browser's language. */
export function applyLanguage(root: HTMLElement): void {
  root.lang = language
  root.dir = rightToLeft.has(preferred) ? 'rtl' : 'ltr'
}

/**
 * A sentence in the person's language.
 * @param english the sentence, which is also its key
 * @param values what stands for `{name}`
 */
export function t(english: string, values: Readonly<Record<string, string | number>> = {}): string {
  const sentence = Object.hasOwn(table, english) ? (table[english] ?? english) : english
  return sentence.replace(/\{(\w+)\}/g, (hole, name: string) => String(values[name] ?? hole))
}
