// The captured mails, read back for a developer, and previews of every kind.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LanguageTag } from '../formats.ts'
import { allMailKinds, type MailKind } from './kinds.ts'
import type { Composed } from './messages.ts'
import { previewMessage } from './preview.ts'

/** A captured mail. It holds links and codes that work. */
export interface CapturedMail {
  /** The name of its file, without `.eml`. */
  readonly id: string
  readonly kind: string
  readonly to: string
  readonly from: string
  readonly subject: string
  readonly at: Date
  readonly text: string
  readonly html: string
  /** Null: the mail has none. */
  readonly link: string | null
  readonly code: string | null
}

export interface Inbox {
  /** Lists mails, the newest first. @param to part of the recipient's address; empty: any @param limit of mails */
  list(to: string, limit: number): Promise<CapturedMail[]>
  /** One mail; null: there is none with this id. */
  find(id: string): Promise<CapturedMail | null>
  readonly kinds: readonly MailKind[]
  /** A mail with sample values, none of which is real; null for an unknown kind. */
  preview(kind: string, language: LanguageTag): Composed | null
}

/** Mails in the cache. The files never change. */
const capacity = 1000

const fileName = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)-(\d{3})Z-([\w-]+)$/

/** The time and the kind in the name of a file; null: it is no captured mail. */
function readName(id: string): { at: Date; kind: string } | null {
  const [, day, hour, minute, second, ms, kind] = fileName.exec(id) ?? []
  return kind === undefined ? null : { at: new Date(`${day}T${hour}:${minute}:${second}.${ms}Z`), kind }
}

async function readMail(directory: string, id: string): Promise<CapturedMail | null> {
  const name = readName(id)
  const content = name && (await readFile(join(directory, `${id}.eml`)).catch(() => null))
  if (!name || !content) return null
  // Loaded with the first mail that is read.
  const { default: PostalMime } = await import('postal-mime')
  const { to, from, subject = '', text = '', html = '' } = await PostalMime.parse(content)
  return {
    id,
    ...name,
    to: to?.[0]?.address ?? '',
    from: from?.name || from?.address || '',
    subject,
    text,
    html,
    // `layText` writes each of them alone on its line.
    link: /^https?:\/\/\S+$/m.exec(text)?.[0] ?? null,
    code: /^ {4}(\d{6})$/m.exec(text)?.[1] ?? null,
  }
}

/** Opens the folder of captured mails; it need not exist yet. */
export function openInbox(directory: string): Inbox {
  const cache = new Map<string, CapturedMail>()

  async function find(id: string): Promise<CapturedMail | null> {
    const mail = cache.get(id) ?? (await readMail(directory, id))
    if (mail && cache.size >= capacity) cache.delete(cache.keys().next().value ?? '')
    if (mail) cache.set(id, mail)
    return mail
  }

  return {
    find,
    async list(to, limit) {
      const names = await readdir(directory).catch(() => [])
      const ids = names.flatMap((name) => (name.endsWith('.eml') ? [name.slice(0, -4)] : [])).sort()
      const mails: CapturedMail[] = []
      for (let id = ids.pop(); id !== undefined && mails.length < limit; id = ids.pop()) {
        const mail = await find(id)
        if (mail?.to.toLowerCase().includes(to.toLowerCase())) mails.push(mail)
      }
      return mails
    },
    kinds: allMailKinds,
    preview: (kind, language) => {
      const found = allMailKinds.find((name) => name === kind)
      return found ? previewMessage(found, language) : null
    },
  }
}
