// Passwords that a project's policy refuses: too short, common, contextual or breached; in every verb that sets one.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { countCommonPasswords, isCommonPassword } from '../../src/domain/credentials/common-passwords.ts'
import { bearer, startTestApp } from '../support/app.ts'
import { isProblem } from '../support/problems.ts'

const app = await startTestApp(t)
const good = 'a good long password'
let people = 0
const newEmail = () => `grace.hopper-${process.pid}-${++people}@example.com`
const signUp = (facts: object) => app.api('POST', '/signup', { body: { email: newEmail(), ...facts } })
const refused = (answer: Awaited<ReturnType<typeof signUp>>, field: string, sentence: RegExp) => {
  isProblem(t, answer, 'validation_failed', [field])
  t.match(answer.body.errors[field], [sentence])
  t.same(answer.body.errors[field].length, 1)
}

/** A breached-password service that answers as `reply` says, and remembers what it was asked. */
async function startRange(reply: (request: IncomingMessage, response: ServerResponse) => void) {
  const asked: IncomingMessage[] = []
  const server = createServer((request, response) => {
    asked.push(request)
    reply(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/range/`, asked }
}
const sha1 = (text: string) => createHash('sha1').update(text).digest('hex').toUpperCase()

t.test('the list has at least 10 000 entries, and none of the documents’ examples', async (t) => {
  t.ok((await countCommonPasswords()) >= 10_000)
  for (const example of ['securepassword123', 'securepassword', 'secret1234', 'newpass123', 'oldpass'])
    t.notOk(await isCommonPassword(example), example)
  for (const common of ['password', 'PassWord1', 'qwertyuiop', 'iloveyou', 'trustno1', 'ｐａｓｓｗｏｒｄ'])
    t.ok(await isCommonPassword(common), common)
  t.notOk(await isCommonPassword('password\n12345678'), 'two lines are not an entry')
})

t.test('a common password is refused at sign-up, however it is capitalized', async (t) => {
  for (const password of ['password', 'PASSWORD1', 'Football', '1234567890', 'ｑwertyuiop']) {
    const answer = await signUp({ password })
    refused(answer, 'password', /common/)
    if (password !== 'password') t.notMatch(JSON.stringify(answer.body), password, 'it is not repeated')
  }
  t.equal((await signUp({ password: 'password password' })).status, 201, 'the whole is compared, not a part')
})

t.test('a password is not the address, its local part, a name, or the project’s name', async (t) => {
  const email = `lovelace.ada+tag${process.pid}@example.com`
  const facts = { email, first_name: 'Augusta', last_name: 'King', display_name: 'Countess of L' }
  for (const password of [
    email,
    email.toUpperCase(),
    `lovelace.ada+tag${process.pid}`,
    'Lovelace.Ada!',
    'lovelaceada',
    '12Augusta34',
    'augusta-king',
    'KingAugusta',
    '  Countess of L!!',
    '1234test!',
  ])
    refused(await app.api('POST', '/signup', { body: { ...facts, password } }), 'password', /name/)
  t.equal(
    (await app.api('POST', '/signup', { body: { ...facts, password: 'Augusta computes' } })).status,
    201,
  )
})

t.test('the answer is the same for a free and a taken address', async (t) => {
  const { email } = await app.signUp()
  for (const password of ['password1', String(email)]) {
    const [taken, free] = [
      await signUp({ email, password }),
      await signUp({ password: password === email ? email : password }),
    ]
    t.equal(taken.status, 422)
    if (password !== email) t.same(taken.body.errors, free.body.errors)
    else t.ok(taken.body.errors.password)
  }
})

t.test(
  'change-password and set-password name their own field, before the current one is checked',
  async (t) => {
    const { password, email, ...here } = await app.signUp({ first_name: 'Marguerite' })
    const change = (new_password: string, current_password = password) =>
      app.api('POST', '/change-password', { headers: bearer(here), body: { current_password, new_password } })
    refused(await change('sunshine'), 'new_password', /common/)
    refused(await change('Marguerite1'), 'new_password', /name/)
    refused(await change(email), 'new_password', /address/)
    refused(await change('sunshine', 'not my password'), 'new_password', /common/)
    await app.sql`update users set password_hash = null where email = ${email}`
    const set = (new_password: string) =>
      app.api('POST', '/set-password', { headers: bearer(here), body: { new_password } })
    refused(await set('letmein1'), 'new_password', /common/)
    t.equal((await set('another good password')).status, 200)
  },
)

t.test('reset: a refused password leaves link and code as they were', async (t) => {
  const { email } = await app.signUp({ last_name: 'Hamilton' })
  await app.api('POST', '/forgot-password', { body: { email } })
  const mails = await app.mailbox.waitFor(email, { count: 2 })
  const mail = mails.find(({ kind }) => kind === 'reset_password')
  const reset = (proof: object, password: string) =>
    app.api('POST', '/reset-password', { body: { ...proof, password } })
  const byCode = { email, code: mail?.code }
  const byToken = { token: mail?.token }
  for (const proof of [byCode, byToken]) {
    refused(await reset(proof, 'baseball'), 'password', /common/)
    refused(await reset(proof, 'hamilton99'), 'password', /name/)
  }
  // More refusals than wrong codes may be tried: they count for nothing.
  for (let i = 0; i < 12; i++) refused(await reset(byCode, 'Hamilton!'), 'password', /name/)
  const wrong = { email, code: mail?.code === '000000' ? '000001' : '000000' }
  isProblem(t, await reset(wrong, 'hamilton99'), 'validation_failed', ['token', 'code'])
  t.equal((await reset(byCode, good)).status, 200)
  t.equal((await app.api('POST', '/login', { body: { email, password: good } })).status, 200)
})

t.test('the page of a reset link says why, and takes another', async (t) => {
  const { email } = await app.signUp()
  await app.api('POST', '/forgot-password', { body: { email } })
  const mails = await app.mailbox.waitFor(email, { count: 2 })
  const { token } = mails.find(({ kind }) => kind === 'reset_password') ?? {}
  const press = (password: string) =>
    app.send('POST', `/account/reset-password?project=${app.projectId}`, {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ project: app.projectId, token: token ?? '', password }).toString(),
    })
  const page = await press('princess')
  t.equal(page.status, 422)
  t.match(page.body, /most common passwords/)
  t.equal((await press('another good password')).status, 200)
})

t.test('the products refuse in their own shape, with 400', async (t) => {
  const nora = (path: string, body: object) => app.send('POST', `/nora/auth${path}`, { body })
  const email = newEmail()
  const refusal = await nora('/signup', { email, password: 'dragon12' })
  t.equal(refusal.status, 400)
  t.same(refusal.body, { error: 'Password is too common' })
  t.same((await nora('/signup', { email, password: email })).body, {
    error: 'Password must not be the email address or a name',
  })
  const { password, ...user } = await app.signUp()
  const credebl = await app.send('POST', '/credebl/auth/reset-password', {
    body: { email: user.email, oldPassword: password, newPassword: 'password123' },
  })
  t.equal(credebl.status, 400)
  t.same(credebl.body, { statusCode: 400, message: ['Password is too common'], error: 'Bad Request' })
})

t.test('policy: a longer minimum, and what is allowed again', async (t) => {
  await app.setPolicy({ passwords: { min_length: 12, common: 'allow', contextual: 'allow' } })
  refused(await signUp({ password: 'eleven char' }), 'password', /at least 12 characters/)
  refused(await signUp({ password: '🐎🐎🐎🐎🐎🐎🐎🐎🐎🐎🐎' }), 'password', /at least 12/)
  t.equal((await signUp({ password: 'qwertyuiop[]' })).status, 201)
  const nora = await app.send('POST', '/nora/auth/signup', {
    body: { email: newEmail(), password: 'eleven char' },
  })
  t.same(nora.body, { error: 'Password must be at least 12 characters' })
  const email = newEmail()
  t.equal((await signUp({ email, password: email })).status, 201)
  await app.setPolicy({ passwords: { preset: 'nist-800-63b-4' } })
  refused(await signUp({ password: 'fourteen chars' }), 'password', /at least 15 characters/)
  refused(await signUp({ password: 'passwordpassword' }), 'password', /common/)
  t.equal((await signUp({ password: 'fifteen letters' })).status, 201)
  await app.setPolicy({})
})

t.test('a breached password is refused; the service learns five characters', async (t) => {
  const breached = 'seen in a breach'
  const range = await startRange((_request, response) => {
    const padding = `${'0'.repeat(35)}:0`
    response.end(`${padding}\r\n${sha1(breached).slice(5)}:42\r\n${sha1(good).slice(5)}:0`)
  })
  await app.setPolicy({ passwords: { breached_range_url: range.url } })
  refused(await signUp({ password: breached }), 'password', /breach/)
  t.equal((await signUp({ password: good })).status, 201, 'a count of 0 is padding')
  t.same(
    range.asked.map(({ url, headers }) => [url, headers['add-padding']]),
    [breached, good].map((text) => [`/range/${sha1(text).slice(0, 5)}`, 'true']),
  )
  await app.setPolicy({})
})

t.test('a service that is away, slow, redirects or floods never blocks, and is reported', async (t) => {
  const secret = `${sha1('a good enough one').slice(5)}:1\n`
  const trouble: [name: string, reply: Parameters<typeof startRange>[0]][] = [
    ['never answers', () => {}],
    ['answers 500', (_request, response) => response.writeHead(500).end(secret)],
    ['redirects', (_request, response) => response.writeHead(302, { location: '/other' }).end()],
    [
      'sends for ever',
      (_request, response) => {
        const timer = setInterval(() => response.write(secret.repeat(1000)), 5)
        response.on('close', () => clearInterval(timer))
      },
    ],
    ['hangs up', (request) => request.socket.destroy()],
  ]
  for (const [name, reply] of trouble) {
    const range = await startRange(reply)
    await app.setPolicy({ passwords: { breached_range_url: range.url } })
    const before = app.logs.length
    const began = performance.now()
    t.equal((await signUp({ password: 'a good enough one' })).status, 201, name)
    t.ok(performance.now() - began < 2500, `${name}: within its deadline`)
    const line = app.logs.slice(before).find(({ msg }) => /breached-password/.test(String(msg)))
    t.ok(line, `${name}: the operator is told`)
    t.notMatch(JSON.stringify(line), sha1('a good enough one').slice(5))
  }
  await app.setPolicy({})
})
