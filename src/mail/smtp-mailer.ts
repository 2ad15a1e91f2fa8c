// Sends mails through an SMTP server. An error says whether a retry can help. Also checks that a server can be reached.
import nodemailer, { type NodemailerError } from 'nodemailer'
import { compose, noFileAccess, oneLine, parseSender } from './envelope.ts'
import { closable, MailError, type Mailer, type OutgoingMail } from './mailer.ts'

const defaultTimeouts = {
  /** From the DNS lookup to the end of STARTTLS. */
  connectionSeconds: 10,
  greetingSeconds: 10,
  /** Without data from the server during a session. */
  socketSeconds: 20,
  /** A whole send, including the wait for a free connection: bounds a server that answers byte by byte. */
  sendSeconds: 60,
  /** For a mail that is being sent when the mailer closes. */
  closeSeconds: 3,
}

export type SmtpTimeouts = typeof defaultTimeouts

// The transport reads settings from the query, and they override the options: only settings that describe the server are
// allowed, because `?debug=true` would log every link.
const urlSettings = ['requireTLS', 'ignoreTLS', 'name', 'tls.rejectUnauthorized', 'tls.servername']

/**
 * Creates a mailer over pooled SMTP connections (RFC 5321). Opens no connection yet.
 *
 * A send fails permanently when the server refuses the recipient with a 5xx reply or the mail itself is malformed. A failure
 * that time or the operator can fix is temporary.
 * @param options `url`: `smtp://[user:password@]host[:587]` uses STARTTLS (RFC 3207) if the server offers it, and requires it with
 *   `?requireTLS=true`; `smtps://…[:465]` uses TLS from the first byte (RFC 8314). Certificates are verified unless
 *   `?tls.rejectUnauthorized=false`. `from`: one address, with or without a name.
 * @throws TypeError, without the URL and its password, when `url` or `from` is invalid
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
    // For an idle connection that the server has closed meanwhile. The caller schedules all other retries.
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
 * Connects, greets, starts TLS and authenticates as a send does, and sends nothing.
 * @throws the error of the server or the network, without the password
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
  // `new URL` in a try would not do: its error carries the URL with the password.
  const { protocol, hostname, searchParams } = URL.canParse(url) ? new URL(url) : new URL('none:')
  if ((protocol !== 'smtp:' && protocol !== 'smtps:') || hostname === '') {
    throw new TypeError('The SMTP URL must read smtp://host:port or smtps://host:port')
  }
  const unknown = [...searchParams.keys()].find((key) => !urlSettings.includes(key))
  if (unknown !== undefined) {
    throw new TypeError(`The SMTP URL knows no setting ${unknown}; it knows ${urlSettings.join(', ')}`)
  }
}

// The server's reply is quoted only for commands before the body: a content filter may quote the link that it refused. For the
// same reason the original error is not kept as `cause`.
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
    // 421: the server is about to close, whatever the command was (RFC 5321 §3.8).
    /^(CONN|EHLO|HELO|STARTTLS|AUTH)/.test(command) || responseCode === 421,
  )
}

// Whether a 5xx reply is about the recipient and not about us: 503 and 530 are about the session (RFC 5321, RFC 4954), and of the
// enhanced codes (RFC 3463) 5.1.7 and 5.1.8 are about the sender and 5.7 about policy. A server that accepts every recipient may
// refuse after the body; there only 5.1 and 5.2 say that the address was the reason.
function refusesRecipient(command: string, responseCode: number, response: string): boolean {
  if (responseCode < 500 || responseCode > 599 || responseCode === 503 || responseCode === 530) return false
  const fault = /^\d{3}[ -]5\.(\d{1,3}\.\d{1,3})/.exec(response)?.[1] ?? ''
  if (fault === '1.7' || fault === '1.8' || fault.startsWith('7.')) return false
  return command === 'RCPT TO' || (command === 'DATA' && /^[12]\./.test(fault))
}
