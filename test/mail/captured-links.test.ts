// Without a mail server: links are logged for a developer at their own machine, and nowhere else.
import t from 'tap'
import { welcome } from '../../src/operator-messages.ts'
import { startTestApp } from '../support/app.ts'

/** Starts a service at this address, asks it for every mail that carries a link, and returns the mails and the log. */
async function mailed(t: Parameters<typeof startTestApp>[0], PUBLIC_URL: string) {
  const app = await startTestApp(t, { env: { PUBLIC_URL } })
  const { email } = await app.signUp()
  await app.api('POST', '/forgot-password', { body: { email } })
  await app.send('POST', '/credebl/auth/verification-mail', { body: { email: 'new@example.com' } })
  const mails = [
    ...(await app.mailbox.waitFor(email, { count: 2 })),
    ...(await app.mailbox.waitFor('new@example.com')),
  ]
  const captured = app.logs.filter(({ msg }) => msg === 'Mail captured')
  return { app, mails, captured, log: app.logs.map((line) => JSON.stringify(line)).join('\n') }
}

t.test('where others are served no token and no link is logged, and the operator is told', async (t) => {
  for (const publicUrl of ['https://auth.example.com', 'http://192.168.1.20:3000']) {
    const { app, mails, captured, log } = await mailed(t, publicUrl)
    t.equal(mails.length, 3)
    t.ok(captured.length >= 3)
    for (const { link, token, code } of mails) {
      t.ok(link)
      if (token) t.notOk(log.includes(token))
      t.notOk(log.includes(String(link)))
      if (code) t.notMatch(log, new RegExp(`\\b${code}\\b`))
    }
    t.notMatch(log, /svt_|reset-password\?/)
    t.ok(
      app.logs.some(({ level, msg }) => level === 'warn' && /Mails are not sent.*SMTP_URL/.test(String(msg))),
    )
    t.match(welcome(app.config), /Mail +not sent: SMTP_URL is not set/)
    await app.close()
  }
})

t.test('at the developer’s own machine the links are lines of the log', async (t) => {
  const { app, mails, log } = await mailed(t, 'http://localhost:3000')
  for (const { link } of mails) t.ok(log.includes(String(link)))
  t.notMatch(log, /Mails are not sent/)
  t.match(welcome(app.config), /Mail +http:\/\/localhost:3000\/inbox {2}\(captured, not sent\)/)
  t.notMatch(welcome(app.config), /Passkeys/)
  const atAddress = { ...app.config, publicUrl: 'http://127.0.0.1:3000' }
  t.match(welcome(atAddress), /Passkeys +http:\/\/localhost:3000 /, 'browsers have none at an IP address')
  const quiet = { ...app.config, inbox: false }
  t.match(welcome(quiet), /Mail +captured in .*; links are logged here/)
})
