// Reads captured mails.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import PostalMime from 'postal-mime'

export interface ReadMail {
  readonly to: string
  /** The sender's name. */
  readonly fromName: string
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly messageId: string
  readonly kind: string
  /** The link on a line of its own in the text part. */
  readonly link: string | null
  /** The token in the link. */
  readonly token: string | null
  /** The six digits, if the mail has any. */
  readonly code: string | null
}

export interface Mailbox {
  all(): Promise<ReadMail[]>
  /** Waits until `count` mails (default 1) for the address have arrived, up to `ms`; returns them, oldest first. */
  waitFor(address: string, options?: { count?: number; ms?: number }): Promise<ReadMail[]>
}

async function readMail(file: string, name: string): Promise<ReadMail> {
  const mail = await PostalMime.parse(await readFile(file))
  const text = mail.text ?? ''
  const link = /^https?:\/\/\S+$/m.exec(text)?.[0] ?? null
  return {
    to: mail.to?.[0]?.address ?? '',
    fromName: mail.from?.name ?? '',
    subject: mail.subject ?? '',
    text,
    html: mail.html ?? '',
    messageId: mail.messageId ?? '',
    kind: /Z(?:-\d+)?-(.+)\.eml$/.exec(name)?.[1] ?? '',
    link,
    token: link ? new URL(link).searchParams.get('token') : null,
    code: /\b\d{6}\b/.exec(text.replace(/https?:\/\/\S+/g, ''))?.[0] ?? null,
  }
}

/** Opens the folder of captured mails; it need not exist yet. */
export function openMailbox(folder: string): Mailbox {
  // The service renames a file when it is complete, so each is read only once.
  const read = new Map<string, Promise<ReadMail>>()
  const readOnce = (name: string) => {
    const mail = read.get(name) ?? readMail(join(folder, name), name)
    read.set(name, mail)
    return mail
  }
  const all = async () => {
    const names = await readdir(folder).catch(() => [])
    const mails = names.filter((name) => name.endsWith('.eml')).sort()
    return Promise.all(mails.map(readOnce))
  }
  return {
    all,
    async waitFor(address, { count = 1, ms = 20_000 } = {}) {
      const until = Date.now() + ms
      for (;;) {
        const mails = (await all()).filter((mail) => mail.to === address)
        if (mails.length >= count || Date.now() > until) return mails
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
  }
}
