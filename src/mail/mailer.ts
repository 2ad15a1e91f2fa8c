// Hands a composed mail to an SMTP server or to a file; a failure says whether trying again can help and never repeats the mail's body.
import { chmod, mkdir, open, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { domainToASCII } from 'node:url'
import nodemailer, { type NodemailerError, type SendMailOptions } from 'nodemailer'
import addressparser from 'nodemailer/lib/addressparser'

export interface OutgoingMail {
  /** The outbox row's uuid: makes the Message-ID the same at every attempt. */
  id: string
  kind: string
  to: string
  subject: string
  text: string
  html: string
  link?: string
}

export interface Mailer {
  /** Resolves once the mail has been taken over; rejects with a MailError otherwise. */
  send(mail: OutgoingMail): Promise<void>
  /**
   * Lets a mail that is being handed over finish if that takes no longer than `closeSeconds`, fails those still waiting,
   * and resolves when none is left.
   */
  close(): Promise<void>
}

/**
 * Why a mail was not sent. `permanent`: the same mail to the same address will not get through later either.
 * `anyMail`: the fault is the server's or our account's, and no other mail would get through now.
 */
export class MailError extends Error {
  override readonly name = 'MailError'
  readonly permanent: boolean
  readonly anyMail: boolean

  constructor(message: string, permanent: boolean, anyMail = false) {
    super(message)
    this.permanent = permanent
    this.anyMail = anyMail
  }
}

export interface SmtpTimeouts {
  /** From the look-up of the name to the end of STARTTLS. */
  connectionSeconds: number
  greetingSeconds: number
  /** Silence in the middle of a conversation. */
  socketSeconds: number
  /** One send altogether, waiting for a free connection included: ends a server that trickles. */
  sendSeconds: number
  /** For what is being handed over when the mailer closes. */
  closeSeconds: number
}

const DEFAULT_TIMEOUTS: SmtpTimeouts = {
  connectionSeconds: 10,
  greetingSeconds: 10,
  socketSeconds: 20,
  sendSeconds: 60,
  closeSeconds: 3,
}

// The transport reads its settings from the query, and there they win: only what describes the server may pass,
// or `?debug=true` would print every link.
const URL_SETTINGS = ['requireTLS', 'ignoreTLS', 'name', 'tls.rejectUnauthorized', 'tls.servername']

/**
 * A mailer over pooled SMTP connections (RFC 5321).
 *
 * `url`: `smtp://[user:password@]host[:587]` uses STARTTLS (RFC 3207) when the server offers it and, with
 * `?requireTLS=true`, refuses to go on without; `smtps://…[:465]` speaks TLS from the first byte (RFC 8314).
 * Certificates are verified unless `?tls.rejectUnauthorized=false`. `from`: one address, with or without a name.
 * Throws a TypeError, without the URL and its password, when either cannot be used. Opens no connection yet.
 *
 * A send fails permanently when the server refuses the recipient with a 5xx reply or the mail itself cannot be put
 * on the wire; whatever an operator or time can mend is temporary.
 */
export function createSmtpMailer(options: {
  url: string
  from: string
  timeouts?: Partial<SmtpTimeouts>
}): Mailer {
  const sender = parseSender(options.from)
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts }
  checkSmtpUrl(options.url)
  const transport = nodemailer.createTransport({
    pool: true,
    url: options.url,
    connectionTimeout: timeouts.connectionSeconds * 1000,
    greetingTimeout: timeouts.greetingSeconds * 1000,
    socketTimeout: timeouts.socketSeconds * 1000,
    // Covers an idle connection that the server has closed meanwhile; other retries are the caller's to schedule.
    maxRequeues: 2,
    disableFileAccess: true,
    disableUrlAccess: true,
  })

  const closing = new AbortController()

  async function send(mail: OutgoingMail): Promise<void> {
    const tooLong = AbortSignal.timeout(timeouts.sendSeconds * 1000)
    const message = compose(mail, sender)
    try {
      await transport.sendMail({ ...message, signal: AbortSignal.any([tooLong, closing.signal]) })
    } catch (error) {
      if (closing.signal.aborted) throw new MailError('mail not sent: the mailer was closed', false, true)
      throw tooLong.aborted
        ? new MailError(`mail not sent: no end after ${timeouts.sendSeconds} s`, false)
        : explain(error as NodemailerError)
    }
  }

  return closable(send, () => {
    transport.close()
    setTimeout(() => closing.abort(), timeouts.closeSeconds * 1000).unref()
  })
}

/**
 * A mailer that sends nothing: each mail becomes `<directory>/<time>-<kind>.eml`, a whole RFC 5322 message.
 *
 * The directory is made (mode 0700) when the first mail comes. A file (mode 0600) appears complete, its name is
 * never used twice, and names sort in the order of capture. `onCaptured` is told the mail and the file's path.
 * Throws a TypeError when `from` is not one address; a send that cannot write fails temporarily.
 */
export function createCaptureMailer(options: {
  directory: string
  from: string
  onCaptured: (mail: OutgoingMail, file: string) => void
}): Mailer {
  const sender = parseSender(options.from)
  const transport = nodemailer.createTransport({
    streamTransport: true,
    buffer: true,
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  let lastTime = 0

  async function send(mail: OutgoingMail): Promise<void> {
    const { text: _text, html: _html, ...rest } = compose(mail, sender)
    const alternatives = [unwrapped('text/plain', mail.text), unwrapped('text/html', mail.html)]
    const { message } = await transport.sendMail({ ...rest, alternatives })
    let file: string | null = null
    try {
      await mkdir(options.directory, { recursive: true, mode: 0o700 })
      await chmod(options.directory, 0o700)
      while (file === null) {
        lastTime = Math.max(Date.now(), lastTime + 1)
        const time = new Date(lastTime).toISOString().replace(/[:.]/g, '-')
        file = await writeOnce(options.directory, `${time}-${mail.kind}.eml`, message as Buffer)
      }
    } catch (error) {
      throw new MailError(`mail not captured: ${(error as NodeJS.ErrnoException).code}`, false, true)
    }
    options.onCaptured(mail, file)
  }

  return closable(send, () => transport.close())
}

function closable(send: Mailer['send'], stop: () => void): Mailer {
  const underWay = new Set<Promise<void>>()
  return {
    send(mail) {
      const sending = send(mail).finally(() => underWay.delete(sending))
      underWay.add(sending)
      return sending
    },
    async close() {
      stop()
      await Promise.allSettled(underWay)
    },
  }
}

// The part file is a lock on the name as well, between processes too: only who made it looks for the name and
// renames onto it. Answers null when the name is taken.
async function writeOnce(directory: string, name: string, content: Buffer): Promise<string | null> {
  const file = join(directory, name)
  const part = join(directory, `.${name}.part`)
  const handle = await open(part, 'wx', 0o600).catch(unless('EEXIST'))
  if (handle === null) return null
  try {
    await handle.writeFile(content).finally(() => handle.close())
    if ((await stat(file).catch(unless('ENOENT'))) === null) {
      await rename(part, file)
      return file
    }
  } catch (error) {
    await unlink(part).catch(unless('ENOENT'))
    throw error
  }
  await unlink(part)
  return null
}

function unless(expected: string): (error: NodeJS.ErrnoException) => null {
  return (error) => {
    if (error.code === expected) return null
    throw error
  }
}

interface Sender {
  name: string
  address: string
  host: string
}

function parseSender(from: string): Sender {
  const [mailbox, ...others] = addressparser(from, { flatten: true })
  if (mailbox === undefined || others.length > 0 || !isAddress(mailbox.address) || /\p{Cc}/u.test(from)) {
    throw new TypeError(
      'The sender must be one address, like no-reply@example.com or Acme <no-reply@example.com>',
    )
  }
  const domain = mailbox.address.slice(mailbox.address.lastIndexOf('@') + 1)
  return { ...mailbox, host: domainToASCII(domain) || domain }
}

function checkSmtpUrl(url: string): void {
  // Not `new URL` in a try: its error carries the URL, and the URL a password.
  const { protocol, hostname, searchParams } = URL.canParse(url) ? new URL(url) : new URL('none:')
  if ((protocol !== 'smtp:' && protocol !== 'smtps:') || hostname === '') {
    throw new TypeError('The SMTP URL must read smtp://host:port or smtps://host:port')
  }
  const unknown = [...searchParams.keys()].find((key) => !URL_SETTINGS.includes(key))
  if (unknown !== undefined) {
    throw new TypeError(`The SMTP URL knows no setting ${unknown}; it knows ${URL_SETTINGS.join(', ')}`)
  }
}

// A dot-atom or a quoted string before the at sign (RFC 5321, 4.1.2; letters beyond ASCII by RFC 6531) and one
// domain after it: nothing that a header or a command could read as a second address or as its own end.
function isAddress(value: string): boolean {
  return /^([^\s\p{Cc}<>@,;:"()[\]\\]+|"[^\p{Cc}<>"\\]+")@[^\s\p{Cc}<>@,;"()\\]+$/u.test(value)
}

const WORD = /^[A-Za-z0-9_-]{1,64}$/

function compose(mail: OutgoingMail, sender: Sender): SendMailOptions {
  if (!WORD.test(mail.id) || !WORD.test(mail.kind)) {
    throw new MailError('mail not sent: its id or kind is no plain word', true)
  }
  if (!isAddress(mail.to)) throw new MailError('mail not sent: its recipient is not one address', true)
  return {
    from: { name: sender.name, address: sender.address },
    to: { name: '', address: mail.to },
    subject: oneLine(mail.subject),
    text: mail.text,
    html: mail.html,
    messageId: `<${mail.id}@${sender.host}>`,
    // RFC 3834: no out-of-office note answers this.
    headers: { 'Auto-Submitted': 'auto-generated' },
  }
}

/** A part as it stands, in 8bit (RFC 2045 §6.2): whoever opens the captured file can follow its link. */
function unwrapped(contentType: string, content: string) {
  const head = `Content-Type: ${contentType}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n`
  return { contentType, raw: head + content }
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()
}

// The server's words are repeated only for commands that come before the body: a content filter likes to quote
// the link it refused. The original error is no `cause` for the same reason.
function explain(error: NodemailerError): MailError {
  const { message, code = 'unknown', command = '', response, responseCode = 0 } = error
  if (response === undefined) {
    const local = /^(CONN|API|AUTH)/.test(command)
    return new MailError(
      `mail not sent: ${local ? `${oneLine(message)} (${code})` : code}`,
      false,
      /^(CONN|AUTH)/.test(command),
    )
  }
  const beforeBody = /^(EHLO|HELO|STARTTLS|AUTH|MAIL FROM|RCPT TO)/.test(command)
  const words = beforeBody
    ? response
    : (/^\d{3}([ -]\d\.\d{1,3}\.\d{1,3})?/.exec(response)?.[0] ?? 'nonsense')
  return new MailError(
    `mail not sent: the server answered ${command} with ${oneLine(words).slice(0, 300)}`,
    refusesRecipient(command, responseCode, response),
    // 421: the service is about to close, whatever it was asked (RFC 5321, 3.8).
    /^(CONN|EHLO|HELO|STARTTLS|AUTH)/.test(command) || responseCode === 421,
  )
}

// A 5xx reply about the recipient, and not about us: 503 and 530 speak of the session (RFC 5321, RFC 4954), and
// among the enhanced codes (RFC 3463) 5.1.7 and 5.1.8 speak of the sender and 5.7 of policy. A server that takes
// any recipient may name the fault after the body, where only a 5.1 or 5.2 says that it was the address.
function refusesRecipient(command: string, responseCode: number, response: string): boolean {
  if (responseCode < 500 || responseCode > 599 || responseCode === 503 || responseCode === 530) return false
  const fault = /^\d{3}[ -]5\.(\d{1,3}\.\d{1,3})/.exec(response)?.[1] ?? ''
  if (fault === '1.7' || fault === '1.8' || fault.startsWith('7.')) return false
  return command === 'RCPT TO' || (command === 'DATA' && /^[12]\./.test(fault))
}
