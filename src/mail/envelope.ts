// The message of a mail. No value in it can be parsed as another header, another recipient or the end of the message.
import { domainToASCII } from 'node:url'
import type { SendMailOptions } from 'nodemailer'
import addressparser from 'nodemailer/lib/addressparser'
import { MailError, type OutgoingMail } from './mailer.ts'

/** Options of every transport: no part of a message is read from a file or a URL. */
export const noFileAccess = { disableFileAccess: true, disableUrlAccess: true }

/** Reads the sender of every mail: one address, with or without a name. @throws TypeError for anything else */
export function parseSender(from: string) {
  const [mailbox, ...others] = addressparser(from, { flatten: true })
  if (mailbox === undefined || others.length > 0 || !isAddress(mailbox.address) || /\p{Cc}/u.test(from)) {
    throw new TypeError(
      'The sender must be one address, like no-reply@example.com or Acme <no-reply@example.com>',
    )
  }
  const domain = mailbox.address.slice(mailbox.address.lastIndexOf('@') + 1)
  return { ...mailbox, host: domainToASCII(domain) || domain }
}

// A dot-atom or a quoted string before the at sign (RFC 5321 §4.1.2; letters beyond ASCII by RFC 6531) and one domain after
// it: nothing that a parser of headers or commands could take for a second address or for the end of the line.
function isAddress(value: string): boolean {
  return /^([^\s\p{Cc}<>@,;:"()[\]\\]+|"[^\p{Cc}<>"\\]+")@[^\s\p{Cc}<>@,;"()\\]+$/u.test(value)
}

const plainWord = /^[A-Za-z0-9_-]{1,64}$/

/** Builds the message of a mail. @throws MailError, permanent, for an id, a kind or an address that is malformed */
export function compose(mail: OutgoingMail, sender: ReturnType<typeof parseSender>): SendMailOptions {
  if (!plainWord.test(mail.id) || !plainWord.test(mail.kind)) {
    throw new MailError('mail not sent: its id or kind is no plain word', true)
  }
  if (!isAddress(mail.to)) throw new MailError('mail not sent: its recipient is not one address', true)
  const name = oneLine(mail.sender?.brand || sender.name || mail.sender?.project || '')
  return {
    from: { name, address: sender.address },
    to: { name: '', address: mail.to },
    subject: oneLine(mail.subject),
    text: mail.text,
    html: mail.html,
    messageId: `<${mail.id}@${sender.host}>`,
    // Out-of-office responders do not answer it (RFC 3834 §2).
    headers: { 'Auto-Submitted': 'auto-generated' },
  }
}

/** The text on one line: without control characters and line separators. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()
}
