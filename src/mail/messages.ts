// Composes the text and the HTML of each kind of mail. Nothing that a user chose can become markup, a header or a link.
import { fill } from '../formats.ts'
import { type MailKind, propertiesOf } from './kinds.ts'
import { type Language, languageOf } from './language.ts'
import { type Block, layHtml, layText } from './layout.ts'
import type { OutgoingMail } from './mailer.ts'
import {
  clean,
  isolate,
  isWebAddress,
  lifetimeInWords,
  maskAddress,
  nameOrNothing,
  platformOrNothing,
} from './words.ts'

export type Composed = Pick<OutgoingMail, 'subject' | 'text' | 'html'>

export interface MessageFacts {
  /** BCP 47; null or an unsupported language: English. */
  readonly locale: string | null
  readonly brand: { readonly name: string; readonly logoUrl: string | null; readonly color: string }
  /**
   * The name of the client that asked, from an untrusted request: replaces the brand's name where it is safe to show. With it, even
   * empty, reset_password has the English subject that such clients document, in every language.
   */
  readonly platform?: string | undefined
  readonly displayName: string | null
  /** For every kind with a link: used unchanged. */
  readonly link?: string | undefined
  /** Six digits that do the same as the link: used unchanged. */
  readonly code?: string | undefined
  readonly expiresInSeconds?: number | undefined
  readonly device?: string | undefined
  readonly addressPrefix?: string | undefined
  /** The name of a passkey. */
  readonly passkey?: string | undefined
  /** For identity_linked and identity_unlinked: a provider, as people call it. */
  readonly provider?: string | undefined
  /** For factor_added and factor_removed: a key of the language's `holdings`. */
  readonly factor?: string | undefined
  /** When the requested change takes effect. */
  readonly dueAt?: Date | undefined
  /** The whole address; the mail shows a mask of it. */
  readonly newEmail?: string | undefined
  /** The name of an invitation's team, as a user gave it. */
  readonly teamName?: string | undefined
  /** The inviter's name, as they gave it, and address, which is shown masked where the name is not safe to show. */
  readonly inviterName?: string | undefined
  readonly inviterEmail?: string | undefined
  /** The role that an invitation offers: a key of the language's `teamRoles`. */
  readonly teamRole?: string | undefined
  /** For register: whether the address has an account already. */
  readonly hasAccount?: boolean
  /** What a recovery ended and what it kept: keys of the language's `holdings`. */
  readonly ended?: readonly string[] | undefined
  readonly stayed?: readonly string[] | undefined
  /** When it happened. */
  readonly at?: Date
}

/** The sentences of a mail in the order in which they are shown. Most kinds have some of them only. */
interface Sentences {
  readonly subject: string
  readonly what: string
  /** Replaces `what` where the name of the team or passkey is safe to show. */
  readonly whatNamed?: string
  readonly ifYou?: string
  readonly undo?: string
  readonly button?: string
  /** What to do after the link. */
  readonly then?: string
  readonly notYou?: string
}

const words = (text: string | undefined, quiet = false): Block[] =>
  text === undefined ? [] : [{ is: 'words', text, quiet }]

/** The button, the code if the mail has one, and how long they work. */
function proof(language: Language, { link, code, expiresInSeconds }: MessageFacts, label: string): Block[] {
  if (link === undefined || expiresInSeconds === undefined)
    throw new TypeError('This mail needs a link and its lifetime.')
  const lifetime = lifetimeInWords(language, expiresInSeconds)
  const button: Block = { is: 'link', label, href: link }
  if (code === undefined) return [button, ...words(fill(language.linkOnce, { lifetime }))]
  const once = fill(language.linkAndCodeOnce, { lifetime })
  return [button, ...words(language.orTypeCode), { is: 'code', code }, ...words(once)]
}

/** The code of a mail without a link, and how long it works. */
function codeAlone(language: Language, { code, expiresInSeconds }: MessageFacts): Block[] {
  if (code === undefined || expiresInSeconds === undefined)
    throw new TypeError('This mail needs a code and its lifetime.')
  const lifetime = lifetimeInWords(language, expiresInSeconds)
  return [{ is: 'code', code }, ...words(fill(language.codeOnce, { lifetime }))]
}

function circumstances(language: Language, { device, addressPrefix, at }: MessageFacts): Block[] {
  const rows: [string, string][] = []
  const add = (label: string, value: string) => rows.push([label, isolate(language, value)])
  const named = nameOrNothing(device ?? '')
  if (named) add(language.device, named)
  if (addressPrefix && /^[\da-f.:]+(?:\/\d{1,3})?$/i.test(addressPrefix)) add(language.network, addressPrefix)
  if (at) add(language.time, instant(language, at))
  return rows.length > 0 ? [{ is: 'facts', rows }] : []
}

/** The inviter and the offered role. */
function invitation(language: Language, { inviterName, inviterEmail, teamRole }: MessageFacts): Block[] {
  const rows: [string, string][] = []
  const inviter = nameOrNothing(inviterName ?? '') || (inviterEmail ? maskAddress(inviterEmail) : '')
  if (inviter) rows.push([language.invitedBy, isolate(language, inviter)])
  if (teamRole && isKey(language.teamRoles, teamRole))
    rows.push([language.role, isolate(language, language.teamRoles[teamRole])])
  return rows.length > 0 ? [{ is: 'facts', rows }] : []
}

/** A sentence that lists holdings by name; nothing for an empty list. */
function listed(language: Language, sentence: string, names: readonly string[] = []): Block[] {
  const { holdings } = language
  const known = names.flatMap((name) => (isKey(holdings, name) ? [holdings[name]] : []))
  if (known.length === 0) return []
  const list = new Intl.ListFormat(language.tag, { type: 'conjunction' }).format(known)
  return words(fill(sentence, { list }))
}

const isKey = <T extends object>(record: T, name: string): name is Extract<keyof T, string> =>
  Object.hasOwn(record, name)

/** The name of a factor in the language; empty for an unknown factor. */
function factorName({ holdings }: Language, factor = ''): string {
  return isKey(holdings, factor) ? holdings[factor] : ''
}

function instant(language: Language, at: Date): string {
  return new Intl.DateTimeFormat(language.formats, {
    year: 'numeric',
    month: 'long',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZone: 'UTC',
    timeZoneName: 'short',
  }).format(at)
}

/**
 * Composes a mail in the language of its recipient.
 *
 * Link and code are ours and are used unchanged; names, device and addresses are cleaned, shortened and escaped. A name that
 * mail programs would turn into a link is left out: anyone can sign up with another person's address, and the mail would
 * carry advertising under our name. The subject never holds the code, a line break or a control character.
 * @throws TypeError when a kind that needs a link or a code gets none
 */
export function composeMessage(kind: MailKind, facts: MessageFacts): Composed {
  const language = languageOf(facts.locale)
  const { mails } = language
  const properties = propertiesOf(kind)
  const shown = (value: string) => isolate(language, value)
  const brandName = platformOrNothing(facts.platform ?? '') || clean(facts.brand.name) || 'Sallyport'
  const team = shown(nameOrNothing(facts.teamName ?? ''))
  const passkey = shown(nameOrNothing(facts.passkey ?? ''))
  const values = {
    brand: shown(brandName),
    team,
    newEmail: shown(maskAddress(facts.newEmail ?? '')),
    provider: shown(clean(facts.provider ?? '')),
    lifetime: facts.expiresInSeconds === undefined ? '' : lifetimeInWords(language, facts.expiresInSeconds),
    factor: factorName(language, facts.factor),
    dueAt: facts.dueAt ? shown(instant(language, facts.dueAt)) : '',
    passkey,
  }
  const isTaken = kind === 'register' && facts.hasAccount
  const sentences: Sentences = isTaken
    ? { ...mails.address_taken, button: mails.register.button }
    : mails[kind]
  const { what, whatNamed, ifYou, undo, button, then, notYou } = sentences
  const hasCircumstances = properties.circumstances !== false
  const isWarning = hasCircumstances || (kind === 'register' && !isTaken)
  const name = nameOrNothing(facts.displayName ?? '')
  const blocks = [
    ...words(name ? fill(language.hello, { name: shown(name) }) : language.helloStranger),
    ...words(fill(((team || passkey) && whatNamed) || what, values)),
    ...(properties.code ? codeAlone(language, facts) : []),
    ...(kind === 'team_invitation' ? invitation(language, facts) : []),
    ...(hasCircumstances ? circumstances(language, facts) : []),
    ...listed(language, language.ended, facts.ended),
    ...listed(language, language.stayed, facts.stayed),
    ...words(ifYou && fill(ifYou, values)),
    ...words(undo),
    ...(button ? proof(language, facts, button) : []),
    ...words(then),
    ...words(notYou && fill(notYou, values), !isWarning),
  ]
  const subject =
    kind === 'reset_password' && facts.platform !== undefined
      ? `[${brandName}] Important: Password Reset Request`
      : fill(sentences.subject, { brand: brandName })
  const { logoUrl, color } = facts.brand
  return {
    subject,
    text: layText(blocks),
    html: layHtml(subject, blocks, {
      language,
      brandName,
      logoUrl: logoUrl !== null && isWebAddress(logoUrl) ? logoUrl : null,
      color: /^#[\da-f]{6}$/i.test(color) ? color : '#1f5fbf',
    }),
  }
}
