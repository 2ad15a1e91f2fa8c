// Writes mails to files instead of sending them, for services without an SMTP server.
import { chmod, open, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import nodemailer from 'nodemailer'
import { makeFolder } from '../folders.ts'
import { compose, noFileAccess, parseSender } from './envelope.ts'
import { closable, MailError, type Mailer, type OutgoingMail } from './mailer.ts'

/**
 * A mailer that sends nothing: each mail becomes `<directory>/<time>-<kind>.eml`, a complete RFC 5322 message.
 *
 * The first mail creates the directory (mode 0700). A file (mode 0600) appears complete, its name is never used twice, and
 * names sort in the order of capture. A send that cannot write fails temporarily.
 * @param options `from`: one address, with or without a name; `onCaptured` gets the mail and the file's path
 * @throws TypeError when `from` is not one address
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
    ...noFileAccess,
  })
  let lastTime = 0

  async function send(mail: OutgoingMail): Promise<void> {
    const { text: _text, html: _html, ...rest } = compose(mail, sender)
    const alternatives = [unwrapped('text/plain', mail.text), unwrapped('text/html', mail.html)]
    const { message } = await transport.sendMail({ ...rest, alternatives })
    let file: string | null = null
    try {
      makeFolder(options.directory, 0o700)
      await chmod(options.directory, 0o700)
      while (file === null) {
        lastTime = Math.max(Date.now(), lastTime + 1)
        const time = new Date(lastTime).toISOString().replace(/[:.]/g, '-')
        file = await writeOnce(options.directory, `${time}-${mail.kind}.eml`, message as Buffer)
      }
    } catch (error) {
      const { code, cause } = error as NodeJS.ErrnoException
      const reason = code ?? (cause as NodeJS.ErrnoException | undefined)?.code ?? 'EIO'
      throw new MailError(`mail not captured: ${reason}`, false, true)
    }
    options.onCaptured(mail, file)
  }

  return closable(send, () => transport.close())
}

/**
 * Writes a file under a new name. The part file locks the name, between processes too: only its creator checks the name and renames
 * onto it.
 * @returns the path; null: the name is taken
 */
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

/** Turns one expected error into null. @param expected its code, such as ENOENT */
function unless(expected: string): (error: NodeJS.ErrnoException) => null {
  return (error) => {
    if (error.code === expected) return null
    throw error
  }
}

/** A part in 8bit (RFC 2045 §6.2), not wrapped or encoded, so that its link can be copied from the file. */
function unwrapped(contentType: string, content: string) {
  const head = `Content-Type: ${contentType}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n`
  return { contentType, raw: head + content }
}
