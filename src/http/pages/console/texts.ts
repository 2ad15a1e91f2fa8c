// The texts of the console: English sentences in the code, and a table for each further language.

/** Translations by the English sentence, which may have placeholders such as `{name}`. */
type Table = Readonly<Record<string, string>>

/** By primary language subtag. Sentences without a translation stay English. */
const tables: Readonly<Record<string, Table>> = {}

const rightToLeft = new Set(['ar', 'fa', 'he', 'ur'])
const primary = (tag: string) => tag.toLowerCase().split('-')[0] ?? 'en'

const preferred = primary(navigator.language)
const language = Object.hasOwn(tables, preferred) ? preferred : 'en'
const table: Table = tables[language] ?? {}

/** The language of dates and numbers: the browser's. */
export const locale = navigator.language || 'en'

/** Sets the language of the page, and the direction of the browser's language. */
export function applyLanguage(root: HTMLElement): void {
  root.lang = language
  root.dir = rightToLeft.has(preferred) ? 'rtl' : 'ltr'
}

/**
 * Translates a sentence.
 * @param english the sentence, which is also its key
 * @param values of the placeholders by name
 */
export function t(english: string, values: Readonly<Record<string, string | number>> = {}): string {
  const sentence = Object.hasOwn(table, english) ? (table[english] ?? english) : english
  return sentence.replace(/\{(\w+)\}/g, (hole, name: string) => String(values[name] ?? hole))
}
