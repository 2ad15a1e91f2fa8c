// The sentences of our pages: the JSON files in texts/, in the languages of the mails. English defines the type: a language that
// lacks one of its sentences does not compile.
import type { FastifyRequest } from 'fastify'
import { html } from 'ghtml'
import { type LanguageTag, languageTagOf } from '../../formats.ts'
import { preferredLanguage } from '../language.ts'
import { readHeader } from '../request-headers.ts'
import ar from './texts/ar.json' with { type: 'json' }
import de from './texts/de.json' with { type: 'json' }
import en from './texts/en.json' with { type: 'json' }
import es from './texts/es.json' with { type: 'json' }
import fr from './texts/fr.json' with { type: 'json' }
import zh from './texts/zh.json' with { type: 'json' }

/** Sentences with `tag` (BCP 47) and `direction` (`ltr` or `rtl`). */
export type Texts = typeof en

const texts: Readonly<Record<LanguageTag, Texts>> = { en, de, fr, es, zh, ar }

/**
 * The texts of a page, in the language of the mail whose link leads to it, else of the browser, else in English.
 * @param lang from the link
 */
export function textsFor(request: FastifyRequest, lang: unknown): Texts {
  const given = typeof lang === 'string' ? languageTagOf(lang) : null
  return texts[given ?? preferredLanguage(readHeader(request, 'accept-language')) ?? 'en']
}

/** The texts of a page that an application opens. @param locales in the order of its preference */
export function textsOf(request: FastifyRequest, locales: readonly string[]): Texts {
  const given = locales.map(languageTagOf).find((tag) => tag !== null)
  return textsFor(request, given ?? null)
}

/** A sentence as HTML, with a user's value in place of `{name}`, isolated by its own direction (UAX #9). */
export function withValue(sentence: string, name: string, value: string): string {
  const [before = '', after = ''] = sentence.split(`{${name}}`)
  return html`${before}<bdi>${value}</bdi>${after}`
}
