// What a language must be able to say: a sentence that is missing does not compile. Picks the language of a locale.
import { ar } from './messages/ar.ts'
import { de } from './messages/de.ts'
import { en } from './messages/en.ts'
import { es } from './messages/es.ts'
import { fr } from './messages/fr.ts'
import { zh } from './messages/zh.ts'

/** A sentence around one value: a name, a lifetime, an address. */
export type Around = (value: string) => string

/**
 * One language. `brand` is the name of the project; no language may bend it, so it stands where the nominative does.
 * A lifetime comes as "24 hours" would, in the nominative as well. Labels end in the colon of their language.
 */
export interface Language {
  /** BCP 47, for `lang`. */
  readonly tag: string
  readonly direction: 'ltr' | 'rtl'
  /** What Intl formats numbers and dates by; digits are those of the code, 0 to 9. */
  readonly formats: string

  readonly hello: Around
  readonly helloStranger: string
  readonly copyLink: string
  readonly orTypeCode: string
  readonly linkAndCodeOnce: Around
  readonly linkOnce: Around
  readonly device: string
  readonly network: string
  readonly time: string

  readonly verifyEmail: { subject: Around; ask: Around; button: string; notYou: string }
  readonly addressTaken: { subject: Around; what: Around; ifYou: string; notYou: string }
  readonly resetPassword: { subject: Around; ask: Around; button: string; notYou: string }
  readonly passwordChanged: { subject: Around; what: Around; ifYou: string; notYou: string }
  readonly changeEmail: { subject: Around; ask: Around; button: string; notYou: string }
  readonly emailChanged: {
    subject: Around
    what: (brand: string, newEmail: string) => string
    undo: string
    button: string
    afterUndo: string
    ifYou: string
  }
  readonly teamInvitation: {
    subject: Around
    ask: Around
    askNamed: (brand: string, team: string) => string
    button: string
    condition: string
    notYou: string
  }
  readonly register: { subject: Around; ask: Around; notYou: string }
  readonly identityLinked: {
    subject: Around
    what: (brand: string, provider: string) => string
    ifYou: string
    notYou: string
  }
  readonly apiKeyCreated: { subject: Around; what: Around; ifYou: string; notYou: string }
  readonly newDevice: { subject: Around; what: Around; ifYou: string; notYou: string }
}

const languages: Readonly<Record<string, Language>> = { ar, de, en, es, fr, zh }

/** The names of all languages, for an operator to choose from. */
export const languageNames = Object.keys(languages)

/** The language of a locale, whatever its script and region: `de-AT` is German, what nobody speaks here is English. */
export function languageOf(locale: string | null): Language {
  const name = /^[a-z]{2,3}(?=$|[-_])/i.exec(locale ?? '')?.[0].toLowerCase() ?? ''
  return (Object.hasOwn(languages, name) ? languages[name] : undefined) ?? en
}
