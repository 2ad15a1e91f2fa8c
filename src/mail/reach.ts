// Whether an SMTP server would take our mail: connects, greets, encrypts and signs in as a send would, and sends nothing.
import nodemailer from 'nodemailer'

/**
 * Speaks to the server of `url` up to the point where a mail would begin.
 * @throws what the server or the network said, without the password
 */
export async function reachSmtp(url: string, timeoutMs: number): Promise<void> {
  const transport = nodemailer.createTransport({
    url,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  try {
    await transport.verify()
  } finally {
    transport.close()
  }
}
