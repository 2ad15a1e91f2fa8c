// Turns facts into the words of a mail, as text and as HTML that say the same; pure, and nothing a user chose can become
// markup, a header or a link.
import { type Language, languageOf } from './language.ts'
import { type Block, layHtml, layText } from './layout.ts'
import {
  clean,
  isolate,
  isWebAddress,
  lifetimeInWords,
  maskAddress,
  nameOrNothing,
  platformOrNothing,
} from './words.ts'

export const mailKinds = [
  'verify_email',
  'address_taken',
  'reset_password',
  'password_changed',
  'change_email',
  'email_changed',
  'new_device',
  'team_invitation',
  'register',
  'identity_linked',
  'api_key_created',
] as const

export type MailKind = (typeof mailKinds)[number]

export interface Composed {
  readonly subject: string
  readonly text: string
  readonly html: string
}

export interface MessageFacts {
  /** BCP 47; null or a language that nobody speaks here: English. */
  readonly locale: string | null
  readonly brand: { readonly name: string; readonly logoUrl: string | null; readonly color: string }
  /**
   * The name of a front end that asked in its own, as a stranger gave it: in place of the brand's where it can be shown.
   * With it, empty or not, the subject of reset_password is the one that such front ends document, in every language.
   */
  readonly platform?: string
  readonly displayName: string | null
  /** For verify_email, reset_password, change_email, email_changed, team_invitation, register: goes in as it is. */
  readonly link?: string
  /** The six digits that do the same; goes in as it is. */
  readonly code?: string
  readonly expiresInSeconds?: number
  readonly device?: string
  readonly addressPrefix?: string
  /** For identity_linked: a provider, as people call it. */
  readonly provider?: string
  /** The whole address; the mail shows a mask of it. */
  readonly newEmail?: string
  /** The team of an invitation, as somebody named it. */
  readonly teamName?: string
  /** For register: whether there is an account for the address already. */
  readonly hasAccount?: boolean
  /** When it happened. */
  readonly at?: Date
}

/** What the sentences of a kind are made from. */
interface Means {
  readonly language: Language
  readonly facts: MessageFacts
  /** The project's name as it stands inside a sentence. */
  readonly brand: string
}

type Draft = { readonly subject: (brand: string) => string; readonly blocks: readonly Block[] }

const words = (text: string): Block => ({ is: 'words', text })
const quiet = (text: string): Block => ({ is: 'words', text, quiet: true })

/** Button, code if there is one, and for how long they work. */
function proof({ language, facts }: Means, label: string): Block[] {
  const { link, code, expiresInSeconds } = facts
  if (link === undefined || expiresInSeconds === undefined)
    throw new TypeError('This mail needs a link and its lifetime.')
  const lifetime = lifetimeInWords(language, expiresInSeconds)
  const button: Block = { is: 'link', label, href: link }
  if (code === undefined) return [button, words(language.linkOnce(lifetime))]
  return [button, words(language.orTypeCode), { is: 'code', code }, words(language.linkAndCodeOnce(lifetime))]
}

function circumstances({ language, facts }: Means): Block[] {
  const { device, addressPrefix, at } = facts
  const shown = (value: string) => isolate(language, value)
  const rows: [string, string][] = []
  const named = nameOrNothing(device ?? '')
  if (named) rows.push([language.device, shown(named)])
  if (addressPrefix && /^[\da-f.:]+(?:\/\d{1,3})?$/i.test(addressPrefix))
    rows.push([language.network, shown(addressPrefix)])
  if (at) rows.push([language.time, shown(instant(language, at))])
  return rows.length > 0 ? [{ is: 'facts', rows }] : []
}

function instant(language: Language, at: Date): string {
  return new Intl.DateTimeFormat(language.formats, {
    ...({ year: 'numeric', month: 'long', day: 'numeric' } as const),
    ...({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: 'UTC' } as const),
    timeZoneName: 'short',
  }).format(at)
}

const drafts: Record<MailKind, (means: Means) => Draft> = {
  verify_email(means) {
    const { subject, ask, button, notYou } = means.language.verifyEmail
    return { subject, blocks: [words(ask(means.brand)), ...proof(means, button), quiet(notYou)] }
  },
  address_taken({ language, brand }) {
    const { subject, what, ifYou, notYou } = language.addressTaken
    return { subject, blocks: [words(what(brand)), words(ifYou), quiet(notYou)] }
  },
  reset_password(means) {
    const { subject: ours, ask, button, notYou } = means.language.resetPassword
    const theirs = (platform: string) => `[${platform}] Important: Password Reset Request`
    const subject = means.facts.platform === undefined ? ours : theirs
    return { subject, blocks: [words(ask(means.brand)), ...proof(means, button), quiet(notYou)] }
  },
  password_changed(means) {
    const { subject, what, ifYou, notYou } = means.language.passwordChanged
    return {
      subject,
      blocks: [words(what(means.brand)), ...circumstances(means), words(ifYou), words(notYou)],
    }
  },
  change_email(means) {
    const { subject, ask, button, notYou } = means.language.changeEmail
    return { subject, blocks: [words(ask(means.brand)), ...proof(means, button), quiet(notYou)] }
  },
  email_changed(means) {
    const { subject, what, undo, button, afterUndo, ifYou } = means.language.emailChanged
    const newEmail = isolate(means.language, maskAddress(means.facts.newEmail ?? ''))
    return {
      subject,
      blocks: [
        words(what(means.brand, newEmail)),
        words(ifYou),
        words(undo),
        ...proof(means, button),
        words(afterUndo),
      ],
    }
  },
  team_invitation(means) {
    const { subject, ask, askNamed, button, condition, notYou } = means.language.teamInvitation
    const team = isolate(means.language, nameOrNothing(means.facts.teamName ?? ''))
    const invitation = team ? askNamed(means.brand, team) : ask(means.brand)
    return {
      subject,
      blocks: [words(invitation), ...proof(means, button), words(condition), quiet(notYou)],
    }
  },
  register(means) {
    const { language, brand, facts } = means
    const { button } = language.verifyEmail
    const { subject, ask, notYou } = language.register
    if (!facts.hasAccount)
      return { subject, blocks: [words(ask(brand)), ...proof(means, button), words(notYou)] }
    const { subject: taken, what, ifYou, notYou: notOwner } = language.addressTaken
    return {
      subject: taken,
      blocks: [words(what(brand)), words(ifYou), ...proof(means, button), quiet(notOwner)],
    }
  },
  identity_linked(means) {
    const { subject, what, ifYou, notYou } = means.language.identityLinked
    const provider = isolate(means.language, clean(means.facts.provider ?? ''))
    return {
      subject,
      blocks: [words(what(means.brand, provider)), ...circumstances(means), words(ifYou), words(notYou)],
    }
  },
  api_key_created(means) {
    const { subject, what, ifYou, notYou } = means.language.apiKeyCreated
    return {
      subject,
      blocks: [words(what(means.brand)), ...circumstances(means), words(ifYou), words(notYou)],
    }
  },
  new_device(means) {
    const { subject, what, ifYou, notYou } = means.language.newDevice
    return {
      subject,
      blocks: [words(what(means.brand)), ...circumstances(means), words(ifYou), words(notYou)],
    }
  },
}

/**
 * Composes a mail of any kind in the language of its reader.
 *
 * Link and code are ours and go in as they are; names, device and addresses are cleaned, capped and escaped, and a name
 * that mail programs would turn into a link is left out: anyone can sign up with someone else's address, and the form
 * would deliver a stranger's advertising under our name. The subject never holds the code, a line break or a control.
 * Throws a TypeError when a kind that needs a link gets none, and for nothing else.
 */
export function composeMessage(kind: MailKind, facts: MessageFacts): Composed {
  const language = languageOf(facts.locale)
  const brandName = platformOrNothing(facts.platform ?? '') || clean(facts.brand.name) || 'Sallyport'
  const { subject, blocks } = drafts[kind]({ language, facts, brand: isolate(language, brandName) })
  const name = nameOrNothing(facts.displayName ?? '')
  const hello = words(name ? language.hello(isolate(language, name)) : language.helloStranger)
  const title = subject(brandName)
  const { logoUrl, color } = facts.brand
  return {
    subject: title,
    text: layText([hello, ...blocks]),
    html: layHtml(title, [hello, ...blocks], {
      language,
      brandName,
      logoUrl: logoUrl !== null && isWebAddress(logoUrl) ? logoUrl : null,
      color: /^#[\da-f]{6}$/i.test(color) ? color : '#1f5fbf',
    }),
  }
}
