// The language that a person reads, from the header Accept-Language (RFC 9110 §12.5.4).

/** Languages our mail is written in. */
const supported = new Set(['en', 'de', 'fr', 'es', 'zh', 'ar'])
/** Ranges looked at; a browser sends a handful. */
const ranges = 20

/** The language of ours that the header prefers, without its region; null where there is none. */
export function preferredLanguage(header: string | undefined): string | null {
  let best: { language: string; quality: number } | null = null
  for (const range of header?.split(',', ranges) ?? []) {
    const [tag = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    const language = tag.split('-', 1)[0] ?? ''
    const given = parameters.find((parameter) => parameter.startsWith('q='))
    const quality = given === undefined ? 1 : Number(given.slice(2))
    // Of equal ones the first stays; q=0 means "not this one"; what is no number is no wish.
    if (supported.has(language) && quality > (best?.quality ?? 0)) best = { language, quality }
  }
  return best?.language ?? null
}
