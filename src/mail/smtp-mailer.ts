// Hands mails to an SMTP server, where a failure says whether trying again can help; and checks that one can be reached.
import nodemailer, { type NodemailerError } from 'nodemailer'
import { compose, noFileAccess, oneLine, parseSender } from './envelope.ts'
import { closable, MailError, type Mailer, type OutgoingMail } from './mailer.ts'

const defaultTimeouts = {
  /** From the look-up of the name to the end of STARTTLS. */
  connectionSeconds: 10,
  greetingSeconds: 10,
  /** Silence in the middle of a conversation. */
  socketSeconds: 20,
  /** One send altogether, waiting for a free connection included: ends a server that trickles. */
  sendSeconds: 60,
  /** For a mail that is being handed over when the mailer closes. */
  closeSeconds: 3,
}

export type SmtpTimeouts = typeof defaultTimeouts

// The transport reads its settings from the query, and there they win: only what describes the server may pass,
// or `?debug=true` would print every link.
const URL_SETTINGS = ['requireTLS', 'ignoreTLS', 'name', 'tls.rejectUnauthorized', 'tls.servername']

/**
 * A mailer over pooled SMTP connections (RFC 5321).
 *
 * `url`: `smtp://[user:password@]host[:587]` uses STARTTLS (RFC 3207) when the server offers it and, with
 * `?requireTLS=true`, refuses to go on without; `smtps://…[:465]` uses TLS from the first byte (RFC 8314).
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
  const timeouts = { ...defaultTimeouts, ...options.timeouts }
  checkSmtpUrl(options.url)
  const transport = nodemailer.createTransport({
    pool: true,
    url: options.url,
    connectionTimeout: timeouts.connectionSeconds * 1000,
    greetingTimeout: timeouts.greetingSeconds * 1000,
    socketTimeout: timeouts.socketSeconds * 1000,
    // Covers an idle connection that the server has closed meanwhile; other retries are the caller's to schedule.
    maxRequeues: 2,
    ...noFileAccess,
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
 * Connects, greets, encrypts and signs in as a send would, and sends nothing.
 * @throws what the server or the network said, without the password
 */
export async function reachSmtp(url: string, timeoutMs: number): Promise<void> {
  const timeouts = { connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs }
  const transport = nodemailer.createTransport({ url, ...timeouts, ...noFileAccess })
  try {
    await transport.verify()
  } finally {
    transport.close()
  }
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

// A 5xx reply about the recipient, and not about us: 503 and 530 are about the session (RFC 5321, RFC 4954), and
// among the enhanced codes (RFC 3463) 5.1.7 and 5.1.8 are about the sender and 5.7 about policy. A server that takes
// any recipient may name the fault after the body, where only a 5.1 or 5.2 says that it was the address.
function refusesRecipient(command: string, responseCode: number, response: string): boolean {
  if (responseCode < 500 || responseCode > 599 || responseCode === 503 || responseCode === 530) return false
  const fault = /^\d{3}[ -]5\.(\d{1,3}\.\d{1,3})/.exec(response)?.[1] ?? ''
  if (fault === '1.7' || fault === '1.8' || fault.startsWith('7.')) return false
  return command === 'RCPT TO' || (command === 'DATA' && /^[12]\./.test(fault))
}
