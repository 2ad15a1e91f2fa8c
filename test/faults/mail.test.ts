// The mail server goes away and comes back: it slows no request, and every mail arrives once.
import { createServer, type Socket } from 'node:net'
import { SMTPServer } from 'smtp-server'
import t, { type Test } from 'tap'
import { freePort, startTestApp, type TestApp } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'

/** A mail server on `port` that keeps the recipient and the text of what it is given. */
async function startMailServer(t: Test, port: number): Promise<{ to: string; text: string }[]> {
  const mails: { to: string; text: string }[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    // The service keeps its connections for the next mail; they are not waited for.
    closeTimeout: 100,
    onData(stream, session, done) {
      let text = ''
      stream.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
      stream.on('end', () => {
        for (const { address } of session.envelope.rcptTo) mails.push({ to: address, text })
        done()
      })
    },
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())))
  return mails
}

/** A mail server that accepts connections and says nothing. */
async function startSilence(port: number): Promise<() => Promise<void>> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
}

const owed = (app: TestApp) => app.sql`select id, attempts, sent_at, dead_at, last_error from outbox`

/** Until the courier has tried a mail and put it back; in an outage it tries one at a time. */
const wasTried = (app: TestApp) =>
  eventually(
    'a mail was tried',
    async () => {
      const rows = await owed(app)
      return rows.some((row) => row.last_error !== null)
    },
    30_000,
  )

/** Brings what was put back forward; what a courier has in hand stays under its lease of two minutes. */
const isLater = (app: TestApp) => app.sql`
  update outbox set next_attempt_at = now()
  where sent_at is null and next_attempt_at < now() + interval '90 seconds'`

async function allArriveOnce(t: Test, app: TestApp, mails: { to: string; text: string }[], emails: string[]) {
  await isLater(app)
  await eventually(
    'every mail is sent',
    async () => (await owed(app)).every((row) => row.sent_at !== null),
    60_000,
  )
  // Whatever the courier might send twice, it would send now.
  await isLater(app)
  await new Promise((resolve) => setTimeout(resolve, 1500))
  t.same(mails.map(({ to }) => to).sort(), [...emails].sort(), 'each mail once, and to its owner')
}

t.test(
  'a mail server that is down slows and refuses no sign-up, and the mail arrives once it is back',
  async (t) => {
    const port = await freePort()
    const app = await startTestApp(t, { env: { SMTP_URL: `smtp://127.0.0.1:${port}` } })
    const signedUp = await Promise.all(Array.from({ length: 5 }, () => app.signUp()))
    for (const { status } of signedUp) t.equal(status, 201)
    await wasTried(app)
    for (const row of await owed(app)) {
      t.equal(row.sent_at, null)
      t.equal(row.dead_at, null)
      if (row.last_error !== null) t.match(row.last_error, /ECONNREFUSED/)
    }
    t.equal((await app.send('GET', '/health/ready')).status, 200, 'the service is ready all the while')

    const mails = await startMailServer(t, port)
    const emails = signedUp.map(({ email }) => email)
    await allArriveOnce(t, app, mails, emails)

    const [first] = mails
    const text = first?.text.replace(/=\r\n/g, '').replaceAll('=3D', '=') ?? ''
    const token = /[?&]token=([\w.~-]+)/.exec(text)?.[1]
    const confirmed = await app.api('POST', '/verify-email/confirm', { body: { token } })
    t.equal(confirmed.status, 200, 'and its link works')
    t.equal(confirmed.body.user.email, first?.to)
  },
)

t.test('a mail server that says nothing holds up neither requests nor the stop of the service', async (t) => {
  const port = await freePort()
  const silenced = await startSilence(port)
  const env = { SMTP_URL: `smtp://127.0.0.1:${port}` }
  const app = await startTestApp(t, { env })
  const { status, email } = await app.signUp()
  t.equal(status, 201)
  await eventually('the courier has taken the mail', async () => (await owed(app))[0]?.attempts === 1)
  const since = Date.now()
  await app.running.close()
  t.ok(Date.now() - since < 15_000, 'it stops in time', { ms: Date.now() - since })
  await silenced()

  const [kept] = await owed(app)
  t.match(kept?.last_error, /the mailer was closed/, 'the mail is put back, not left under its lease')

  // On the same port: a send that was given up must not go on in the background.
  const mails = await startMailServer(t, port)
  const again = await startTestApp(t, { env, databaseUrl: app.databaseUrl })
  await allArriveOnce(t, again, mails, [email])
})
