// The languages of mails. Their sentences are the JSON files in messages/, with placeholders such as {brand} and {lifetime}; no
// language inflects a value. Labels end in the colon of their language.
import { type LanguageTag, languageTagOf } from '../formats.ts'
import ar from './messages/ar.json' with { type: 'json' }
import de from './messages/de.json' with { type: 'json' }
import en from './messages/en.json' with { type: 'json' }
import es from './messages/es.json' with { type: 'json' }
import fr from './messages/fr.json' with { type: 'json' }
import zh from './messages/zh.json' with { type: 'json' }

/**
 * The sentences of all mails, with `tag` (BCP 47), `direction` (`ltr` or `rtl`) and `formats`, the locale of numbers and
 * dates. English defines the type: a language that lacks one of its sentences does not compile.
 */
export type Language = typeof en

const texts: Readonly<Record<LanguageTag, Language>> = { en, de, fr, es, zh, ar }

/**
 * The language of a locale, without regard to script and region: `de-AT` is German. Falls back to English.
 * @param locale BCP 47, or null
 */
export function languageOf(locale: string | null): Language {
  const tag = languageTagOf(locale)
  return tag ? texts[tag] : en
}
