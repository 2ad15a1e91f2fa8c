// Guards the hand-over of a mail: what arrives at a server or in a file, and which failures are worth another try.
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import { basename, join } from 'node:path'
import { inspect } from 'node:util'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import t, { type Test } from 'tap'
import { createCaptureMailer } from '../../src/mail/capture-mailer.ts'
import { MailError, type OutgoingMail } from '../../src/mail/mailer.ts'
import { createSmtpMailer, type SmtpTimeouts } from '../../src/mail/smtp-mailer.ts'

const from = 'Acme Doors <no-reply@mail.example.com>'
const link = 'https://auth.example.com/verify?token=top-secret-token'

const mail: OutgoingMail = {
  id: '0b1f2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d',
  kind: 'verify_email',
  to: 'ada@example.org',
  subject: 'Confirm your address for Zoë’s 🦊 shop',
  text: `Grüße\n\n${link}\n`,
  html: `<p>Grüße</p><a href="${link}">yes</a>`,
  link,
}

t.test('a mail arrives whole, at its recipient alone', async (t) => {
  const server = await smtpServer(t)
  await mailerFor(t, server.url).send(mail)
  const [arrived] = server.mails
  t.strictSame(arrived?.envelope, { from: 'no-reply@mail.example.com', to: ['ada@example.org'] })
  const message = parse(arrived?.raw)
  t.equal(message.headers.from, 'Acme Doors <no-reply@mail.example.com>')
  t.equal(message.headers.to, 'ada@example.org')
  t.equal(decodeWords(message.headers.subject), mail.subject)
  t.equal(message.headers['message-id'], `<${mail.id}@mail.example.com>`)
  t.equal(message.headers['auto-submitted'], 'auto-generated', 'RFC 3834')
  t.ok(Math.abs(Date.parse(message.headers.date ?? '') - Date.now()) < 60_000)
  t.equal(message.parts['text/plain']?.trim(), mail.text.trim())
  t.equal(message.parts['text/html']?.trim(), mail.html.trim())
})

t.test('every attempt of a mail carries the same Message-ID', async (t) => {
  const server = await smtpServer(t, { onRcptTo: firstRefused(450, 'greylisted') })
  const mailer = mailerFor(t, server.url)
  await t.rejects(mailer.send(mail), { name: 'MailError', permanent: false })
  await mailer.send(mail)
  await mailer.send(mail)
  t.equal(server.mails.length, 2)
  t.equal(
    parse(server.mails[0]?.raw).headers['message-id'],
    parse(server.mails[1]?.raw).headers['message-id'],
  )
})

t.test('mails share connections, and a refused one costs none', async (t) => {
  const server = await smtpServer(t, { onRcptTo: firstRefused(550, 'no such user') })
  const mailer = mailerFor(t, server.url)
  await t.rejects(mailer.send(mail), { name: 'MailError', permanent: true })
  for (let count = 0; count < 10; count++) await mailer.send(mail)
  t.equal(server.mails.length, 10)
  t.ok(server.connections() <= 2, 'a second one while the first resets its session')
})

t.test('an idle connection that the server ended does not cost a mail', async (t) => {
  const server = await smtpServer(t)
  const mailer = mailerFor(t, server.url)
  await mailer.send(mail)
  server.dropAll()
  await mailer.send(mail)
  t.equal(server.mails.length, 2)
  t.equal(server.connections(), 2)
})

t.test('only a 5xx reply about the recipient is permanent', async (t) => {
  const replies: [step: 'MAIL FROM' | 'RCPT TO' | 'DATA', code: number, words: string, permanent: boolean][] =
    [
      ['RCPT TO', 450, 'mailbox busy', false],
      ['RCPT TO', 452, '4.2.2 mailbox full', false],
      ['RCPT TO', 550, 'no such user', true],
      ['RCPT TO', 550, '5.1.1 no such user', true],
      ['RCPT TO', 553, '5.1.3 not an address', true],
      ['RCPT TO', 503, 'bad sequence', false],
      ['RCPT TO', 530, '5.7.0 authentication required', false],
      ['RCPT TO', 554, '5.7.1 relay access denied', false],
      ['RCPT TO', 550, '5.1.8 sender domain not found', false],
      ['MAIL FROM', 550, 'sender refused', false],
      ['DATA', 451, 'try later', false],
      ['DATA', 554, '5.6.0 no', false],
      ['DATA', 550, '5.1.1 no such user', true],
    ]
  for (const [step, code, words, permanent] of replies) {
    const refuse = (_: unknown, __: unknown, done: (error: Error) => void) => done(reply(code, words))
    const server = await smtpServer(t, {
      ...(step === 'MAIL FROM' && { onMailFrom: refuse }),
      ...(step === 'RCPT TO' && { onRcptTo: refuse }),
      ...(step === 'DATA' && {
        onData: (stream, _session, done) => {
          stream.resume().on('end', () => done(reply(code, words)))
        },
      }),
    })
    const error = await failure(mailerFor(t, server.url).send(mail))
    t.equal(error.permanent, permanent, `${step}: ${code} ${words}`)
    t.match(error.message, `answered ${step} with ${code}`)
    if (step !== 'DATA') t.match(error.message, words)
  }
})

t.test('an error repeats nothing of the body, not even when the server does', async (t) => {
  const server = await smtpServer(t, {
    onData: (stream, _session, done) => {
      stream.resume().on('end', () => done(reply(554, `5.7.1 blocked: ${link}`)))
    },
  })
  const error = await failure(mailerFor(t, server.url).send(mail))
  t.equal(error.message, 'mail not sent: the server answered DATA with 554 5.7.1')
  t.notMatch(inspect(error, { depth: 9, showHidden: true }), 'top-secret-token')

  // The same, from a server that hangs up with its last words unfinished.
  const rude = await rawServer(t, (socket) => {
    speak(socket, (line) => (line === '.' ? void socket.end(`554 blocked: ${link}`) : replyTo(line)))
  })
  const cut = await failure(mailerFor(t, rude).send(mail))
  t.equal(cut.permanent, false)
  t.notMatch(inspect(cut, { depth: 9, showHidden: true }), 'top-secret-token')
})

t.test('a server that stalls ends in a temporary failure', async (t) => {
  const mute = await rawServer(t, () => {})
  const noGreeting = await failure(mailerFor(t, mute, { greetingSeconds: 0.1 }).send(mail))
  t.match(noGreeting, { permanent: false, message: /Greeting never received \(ETIMEDOUT\)/ })

  const asleep = await smtpServer(t, { onData: (stream) => void stream.resume() })
  const noReply = await failure(mailerFor(t, asleep.url, { socketSeconds: 0.2 }).send(mail))
  t.match(noReply, { permanent: false, message: /Timeout \(ETIMEDOUT\)/ })

  const trickling = await rawServer(t, (socket) => {
    speak(socket, replyTo)
    const drip = setInterval(() => socket.write('250-wait\r\n'), 50)
    socket.on('close', () => clearInterval(drip))
  })
  const noEnd = await failure(mailerFor(t, trickling, { sendSeconds: 0.4 }).send(mail))
  t.match(noEnd, { permanent: false, message: /no end after 0\.4 s/ })
})

t.test('a server that is not there ends in a temporary failure', async (t) => {
  const server = await smtpServer(t)
  await server.stop()
  const error = await failure(mailerFor(t, server.url).send(mail))
  t.match(error, { permanent: false, message: /ECONNREFUSED/ })
})

t.test('a refused password is a temporary failure that does not name it', async (t) => {
  const server = await smtpServer(t, {
    disabledCommands: ['STARTTLS'],
    authOptional: false,
    onAuth: (_auth, _session, done) => done(reply(535, '5.7.8 who are you')),
  })
  const error = await failure(mailerFor(t, server.url.replace('//', '//post:pass%20word@')).send(mail))
  t.match(error, { permanent: false, message: /535 5\.7\.8 who are you/ })
  t.notMatch(inspect(error, { depth: 9 }), /pass.{1,3}word/)
})

t.test('STARTTLS is used where it is offered, and demanded where the URL says so', async (t) => {
  const offering = { disabledCommands: ['AUTH'], logger: false }
  const server = await smtpServer(t, offering)
  await mailerFor(t, `${server.url}?tls.rejectUnauthorized=false`).send(mail)
  t.equal(server.mails[0]?.secure, true)

  const unverified = await failure(mailerFor(t, server.url).send(mail))
  t.match(unverified, { permanent: false, message: /certificate/ }, 'nobody in between reads the mail')

  const plain = await smtpServer(t)
  const demanding = await failure(mailerFor(t, `${plain.url}?requireTLS=true`).send(mail))
  t.match(demanding, { permanent: false })
  t.equal(plain.mails.length, 0)

  const implicit = await smtpServer(t, { ...offering, secure: true })
  const url = implicit.url.replace('smtp:', 'smtps:')
  await mailerFor(t, `${url}?tls.rejectUnauthorized=false`).send(mail)
  t.equal(implicit.mails[0]?.secure, true)
})

t.test('nothing in a mail can add a header or a recipient', async (t) => {
  const server = await smtpServer(t)
  const mailer = mailerFor(t, server.url)
  await mailer.send({ ...mail, subject: 'Hello\r\nBcc: all@example.com\r\n\r\nbody\u0000\u2028' })
  const { headers } = parse(server.mails[0]?.raw)
  t.equal(decodeWords(headers.subject), 'Hello Bcc: all@example.com body')
  t.notOk('bcc' in headers)
  t.strictSame(server.mails[0]?.envelope.to, ['ada@example.org'])

  const broken: Partial<OutgoingMail>[] = [
    { to: 'ada@example.org\r\nBcc: all@example.com' },
    { to: 'ada@example.org, all@example.com' },
    { to: 'ada@example.org> NOTIFY=NEVER' },
    { to: 'all: ada@example.org;' },
    { to: 'all@evil.example,ada@example.org' },
    { to: 'all@evil.example@example.org' },
    { to: '' },
    { id: 'x>\r\nBcc: all@example.com' },
    { kind: 'a\r\nb' },
  ]
  for (const part of broken) {
    await t.rejects(mailer.send({ ...mail, ...part }), { name: 'MailError', permanent: true }, inspect(part))
  }
  t.equal(server.mails.length, 1)
})

t.test('a quoted or an international local part stays one recipient', async (t) => {
  const server = await smtpServer(t)
  await mailerFor(t, server.url).send({ ...mail, to: 'zoë@example.org' })
  t.strictSame(server.mails[0]?.envelope.to, ['zoë@example.org'])

  const files: string[] = []
  await captureMailer(t.testdir(), files).send({ ...mail, to: '"ada, or all"@example.org' })
  t.equal(parse(readFileSync(files[0] ?? '', 'latin1')).headers.to, '<"ada, or all"@example.org>')
})

t.test('a URL or a sender that cannot be used is refused at once, without its password', async (t) => {
  const urls = [
    'http://u:hunter2@h',
    'smtp://',
    'u:hunter2',
    'smtp://u:hunter2@h:99999',
    'smtp://u:hunter2@h?debug=true',
  ]
  for (const url of urls) {
    const error = t.throws(() => createSmtpMailer({ url, from }), TypeError, url)
    t.notMatch(inspect(error, { depth: 9 }), 'hunter2')
  }
  for (const sender of ['', 'Acme', 'a@example.com, b@example.com', 'A\r\nBcc: x <a@example.com>']) {
    t.throws(() => createSmtpMailer({ url: 'smtp://localhost', from: sender }), TypeError, sender)
    t.throws(() => createCaptureMailer({ directory: '.', from: sender, onCaptured() {} }), TypeError, sender)
  }
})

t.test('close lets a mail that is being handed over finish, and takes no other', async (t) => {
  let finish = () => {}
  let underWay = () => {}
  const started = new Promise<void>((resolve) => {
    underWay = resolve
  })
  const server = await smtpServer(t, {
    onData: (stream, _session, done) => {
      finish = done
      stream.resume().on('end', underWay)
    },
  })
  const mailer = mailerFor(t, server.url)
  const steps: string[] = []
  const sending = mailer.send(mail).then(() => steps.push('sent'))
  await started
  const closing = mailer.close().then(() => steps.push('closed'))
  await t.rejects(mailer.send(mail), { name: 'MailError', permanent: false })
  t.strictSame(steps, [])
  finish()
  await Promise.all([sending, closing])
  t.strictSame(steps, ['sent', 'closed'])
  await mailer.close()
})

t.test('a captured mail is a whole message that only its owner can read', async (t) => {
  const directory = join(t.testdir(), 'data', 'outbox')
  const captured: [OutgoingMail, string][] = []
  const mailer = createCaptureMailer({ directory, from, onCaptured: (...what) => captured.push(what) })
  await mailer.send(mail)
  await mailer.close()
  const [name = ''] = readdirSync(directory)
  t.match(name, /^\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}-\d{3}Z-verify_email\.eml$/)
  t.strictSame(captured, [[mail, join(directory, name)]])
  t.equal(statSync(directory).mode & 0o777, 0o700)
  t.equal(statSync(join(directory, name)).mode & 0o777, 0o600)
  const raw = readFileSync(join(directory, name), 'latin1')
  t.notMatch(raw, /[^\r]\n|\r[^\n]/, 'RFC 5322: lines end in CRLF')
  const message = parse(raw)
  t.equal(decodeWords(message.headers.subject), mail.subject)
  t.equal(message.headers.to, mail.to)
  t.equal(message.headers['message-id'], `<${mail.id}@mail.example.com>`)
  t.equal(message.headers['auto-submitted'], 'auto-generated')
  t.equal(message.parts['text/plain']?.trim(), mail.text.trim())
  t.equal(message.parts['text/html']?.trim(), mail.html.trim())
})

t.test('an outbox that was open to others is closed', async (t) => {
  const directory = t.testdir()
  chmodSync(directory, 0o755)
  await captureMailer(directory).send(mail)
  t.equal(statSync(directory).mode & 0o777, 0o700)
})

t.test('mails captured in one millisecond, by two mailers, never share a name', async (t) => {
  const directory = t.testdir()
  const files: string[] = []
  const mailers = [captureMailer(directory, files), captureMailer(directory, files)]
  const times = Array.from({ length: 100 }, (_, index) => index)
  await Promise.all(
    times.flatMap((index) => mailers.map((mailer, at) => mailer.send({ ...mail, id: `${at}-${index}` }))),
  )
  t.equal(new Set(files).size, 200)
  t.strictSame(
    readdirSync(directory).sort(),
    files.map((file) => basename(file)).sort(),
    'nothing else remains',
  )
  const ids = new Set(files.map((file) => parse(readFileSync(file, 'latin1')).headers['message-id']))
  t.equal(ids.size, 200, 'none was overwritten')
})

t.test('captured mails sort in the order of capture, even while the clock is set back', async (t) => {
  const files: string[] = []
  const mailer = captureMailer(t.testdir(), files)
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  let time = Date.UTC(2026, 10, 20, 23, 59, 59, 123)
  Date.now = () => time--
  for (let count = 0; count < 20; count++) await mailer.send(mail)
  t.equal(basename(files[0] ?? ''), '2026-11-20T23-59-59-123Z-verify_email.eml')
  t.strictSame(files, [...files].sort())
})

t.test('a reader of the outbox never sees half a file', async (t) => {
  const directory = t.testdir()
  const mailer = captureMailer(directory)
  const large = { ...mail, text: 'long\n'.repeat(400_000) }
  let writing = true
  const sends = Promise.all([mailer.send(large), mailer.send(large), mailer.send(large)]).then(() => {
    writing = false
  })
  let looks = 0
  while (writing) {
    for (const name of readdirSync(directory).filter((name) => name.endsWith('.eml'))) {
      if (!readFileSync(join(directory, name), 'latin1').trimEnd().endsWith('--'))
        t.fail(`${name} is half a file`)
    }
    looks++
    await new Promise((resolve) => setImmediate(resolve))
  }
  await sends
  t.ok(looks > 10, `looked ${looks} times`)
  t.equal(readdirSync(directory).length, 3)
})

t.test('a mail cannot choose where it is captured', async (t) => {
  const directory = t.testdir({ outbox: {} })
  const mailer = captureMailer(join(directory, 'outbox'))
  for (const kind of ['../escaped', 'a/b', '..', '', 'a\u0000b']) {
    await t.rejects(mailer.send({ ...mail, kind }), { name: 'MailError', permanent: true })
  }
  t.strictSame(readdirSync(directory), ['outbox'])
  t.strictSame(readdirSync(join(directory, 'outbox')), [])
})

t.test('an outbox that cannot be written is a temporary failure', async (t) => {
  const directory = t.testdir()
  writeFileSync(join(directory, 'outbox'), 'in the way')
  const error = await failure(captureMailer(join(directory, 'outbox')).send(mail))
  t.match(error, { permanent: false, message: /^mail not captured: E/ })
})

function mailerFor(t: Test, url: string, timeouts: Partial<SmtpTimeouts> = {}) {
  const mailer = createSmtpMailer({ url, from, timeouts })
  t.teardown(() => mailer.close())
  return mailer
}

function captureMailer(directory: string, files: string[] = []) {
  return createCaptureMailer({ directory, from, onCaptured: (_, file) => files.push(file) })
}

async function failure(sending: Promise<void>): Promise<MailError> {
  try {
    await sending
  } catch (error) {
    if (error instanceof MailError) return error
    throw error
  }
  throw new Error('the mail was sent')
}

function reply(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode })
}

function firstRefused(code: number, words: string): NonNullable<SMTPServerOptions['onRcptTo']> {
  let refused = false
  return (_address, _session, done) => {
    if (refused) return done()
    refused = true
    done(reply(code, words))
  }
}

interface Arrived {
  envelope: { from: string; to: string[] }
  secure: boolean
  raw: string
}

async function smtpServer(t: Test, options: SMTPServerOptions = {}) {
  const mails: Arrived[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    authOptional: true,
    onData: (stream, { envelope, secure }, done) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const sender = envelope.mailFrom === false ? '' : envelope.mailFrom.address
        const to = envelope.rcptTo.map(({ address }) => address)
        mails.push({ envelope: { from: sender, to }, secure, raw: Buffer.concat(chunks).toString('latin1') })
        done()
      })
    },
    ...options,
  })
  server.on('error', () => {})
  server.server.on('connection', (socket: Socket) => {
    connections++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.server.address() as AddressInfo
  const dropAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= new Promise<void>((resolve) => server.close(resolve))
    dropAll()
    return stopped
  }
  t.teardown(stop)
  return { url: `smtp://127.0.0.1:${port}`, mails, connections: () => connections, dropAll, stop }
}

async function rawServer(t: Test, onConnection: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    onConnection(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  return `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`
}

// A conversation line by line, for what a proper server cannot be made to do.
function speak(socket: Socket, answer: (line: string) => string | undefined): void {
  let rest = ''
  socket.write('220 raw\r\n')
  socket.on('data', (chunk) => {
    const lines = (rest + chunk.toString('latin1')).split('\r\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const words = answer(line)
      if (words !== undefined) socket.write(`${words}\r\n`)
    }
  })
}

function replyTo(line: string): string | undefined {
  if (line === 'DATA') return '354 go on'
  return /^(EHLO|MAIL|RCPT|RSET)/.test(line) ? '250 fine' : undefined
}

// As much of RFC 5322, 2045 and 2047 as our own messages need.
function parse(raw = '') {
  const [head = '', ...body] = raw.split('\r\n\r\n')
  const headers = parseHeaders(head)
  const boundary = /boundary="([^"]+)"/.exec(headers['content-type'] ?? '')?.[1]
  const parts: Record<string, string> = {}
  for (const part of body.join('\r\n\r\n').split(`--${boundary}`)) {
    const [partHead = '', ...content] = part.trimStart().split('\r\n\r\n')
    const { 'content-type': type = '', 'content-transfer-encoding': encoding } = parseHeaders(partHead)
    parts[type.split(';')[0] ?? ''] = decode(content.join('\r\n\r\n'), encoding).replace(/\r\n/g, '\n')
  }
  return { headers, parts }
}

function parseHeaders(head: string): Record<string, string> {
  const lines = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n')
  return Object.fromEntries(
    lines.map((line) => [line.split(':')[0]?.toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
}

function decode(content: string, encoding = '7bit'): string {
  if (encoding === 'base64') return Buffer.from(content, 'base64').toString()
  if (encoding === '8bit') return Buffer.from(content, 'latin1').toString()
  if (encoding !== 'quoted-printable') return content
  const bytes = content
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}

function decodeWords(value = ''): string {
  return value
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?utf-8\?([qb])\?(.*?)\?=/gi, (_, kind: string, text: string) =>
      kind.toLowerCase() === 'b'
        ? decode(text, 'base64')
        : decode(text.replace(/_/g, ' '), 'quoted-printable'),
    )
}
