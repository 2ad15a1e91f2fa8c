// The links of mails that front ends ask for, on our own pages: looking consumes nothing, the button does what it says.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createHashScheduler } from '../../src/crypto/hash-scheduler.ts'
import { loadArgon2 } from '../../src/crypto/passwords.ts'
import { deriveKey } from '../../src/crypto/secrets.ts'
import { requestResetForClient } from '../../src/domain/accounts/recovery.ts'
import { completeRegistration, requestRegistration } from '../../src/domain/accounts/registration.ts'
import { createContext } from '../../src/domain/context.ts'
import { createServices } from '../../src/domain/services.ts'
import { webhookSender } from '../../src/outgoing/webhook-sender.ts'
import { createStores } from '../../src/repositories/store.ts'
import { createProviders } from '../../src/social/providers.ts'
import { startTestApp, testSecretKey } from '../support/app.ts'
import { unwalled } from '../support/database.ts'
import { cheapParameters, stranger, testKeys } from '../support/domain.ts'

const app = await startTestApp(t)
const keyFor = (use: string) => deriveKey(Buffer.from(testSecretKey, 'utf8'), use)
const services = createServices({
  stores: createStores(unwalled(app.sql)),
  publicUrl: app.url,
  keys: { ...testKeys, lookup: keyFor('lookup'), mail: keyFor('mail') },
  providers: createProviders({ secrets: {} }),
  webhookSender,
  argon2: loadArgon2,
  parameters: cheapParameters,
  scheduler: createHashScheduler(),
})
const ctx = createContext(services, await services.projects.get(app.projectId), stranger, null)
const password = 'a good long password'

/** Presses the one button of a page that was read, with what a person typed besides. */
function press(page: string, typed: Record<string, string> = {}) {
  const [, action = ''] = /<form method="post" action="([^"]+)"/.exec(page) ?? []
  const hidden = Array.from(
    page.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g),
    ([, name = '', value = '']) => [name, value] as [string, string],
  )
  const body = new URLSearchParams([...hidden, ...Object.entries(typed)]).toString()
  return app.send('POST', action, { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body })
}
const pathOf = (link: string | null | undefined) => {
  const url = new URL(link ?? 'http://none')
  return url.pathname + url.search
}

t.test('the page of a registration proves by its button alone, and once', async (t) => {
  const email = `${randomUUID()}@example.com`
  await requestRegistration(ctx, { email, client: {}, locale: null })
  const [mail] = await app.mailbox.waitFor(email)
  t.equal(mail?.kind, 'register')
  const path = pathOf(mail?.link)
  t.match(path, /^\/account\/verify\?verificationCode=svt_/)
  const facts = { email, password, firstName: 'Ada' }
  for (const method of ['HEAD', 'GET', 'GET']) t.equal((await app.send(method, path)).status, 200)
  await t.rejects(completeRegistration(ctx, facts), { code: 'address_unproven' })
  const page = await app.send('GET', path)
  t.notMatch(page.body, email, 'the page does not repeat what anybody can write into a link')
  t.equal((await press(page.body)).status, 200)
  t.equal((await press(page.body)).status, 422, 'the link works once')
  const clicked = { ...ctx, caller: { ...ctx.caller, address: '127.0.0.1' } }
  const user = await completeRegistration(clicked, facts)
  t.ok(user.emailVerifiedAt)
})

t.test('a reset link without a front end of its own leads to our form', async (t) => {
  const { email } = await app.signUp()
  await requestResetForClient(ctx, { email, client: { clientAlias: 'STUDIO' } })
  const mails = await app.mailbox.waitFor(email, { count: 2 })
  const mail = mails.find(({ kind }) => kind === 'reset_password')
  t.equal(mail?.subject, '[Test] Important: Password Reset Request')
  const page = await app.send('GET', pathOf(mail?.link))
  t.equal(page.status, 200)
  t.equal((await press(page.body, { password: 'another good password' })).status, 200)
  const login = await app.api('POST', '/login', { body: { email, password: 'another good password' } })
  t.equal(login.status, 200)
})
