// The language of a request, from its header Accept-Language (RFC 9110 §12.5.4).
//
// Not negotiator, which @fastify/accepts wraps: it ignores a weight after a space (`fr; q=0.5`) or in upper case.
import type { FastifyRequest } from 'fastify'
import { type LanguageTag, languages } from '../formats.ts'
import { readHeader } from './request-headers.ts'

/** The maximum of ranges that are read; browsers send a few. */
const ranges = 20

/** The supported language that a request prefers; null where its header names none. */
export const languageOf = (request: FastifyRequest): LanguageTag | null =>
  preferredLanguage(readHeader(request, 'accept-language'))

/** The supported language, without its region, that the header prefers; null where it names none. */
export function preferredLanguage(header: string | undefined): LanguageTag | null {
  let best: { language: LanguageTag; quality: number } | null = null
  for (const range of header?.split(',', ranges) ?? []) {
    const [tag = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    const language = languages.find((known) => known === tag.split('-', 1)[0])
    const given = parameters.find((parameter) => parameter.startsWith('q='))
    const quality = given === undefined ? 1 : Number(given.slice(2))
    // Of equal weights the first wins; q=0 excludes a language; a range with an invalid weight is ignored.
    if (language && quality > (best?.quality ?? 0)) best = { language, quality }
  }
  return best?.language ?? null
}
