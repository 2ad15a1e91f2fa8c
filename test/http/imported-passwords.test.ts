// Passwords that another service hashed as they were typed, in a form that NFKC changes: they open their accounts wherever a
// password is asked for, and the first sign-in hashes them as we do.
import t from 'tap'
import { defaultParameters, isCurrent, loadArgon2, passwordBytes } from '../../src/crypto/passwords.ts'
import { type Answer, bearer, startTestApp } from '../support/app.ts'
import { isProblem } from '../support/problems.ts'

const app = await startTestApp(t, { passwordParameters: defaultParameters })
const argon2 = await loadArgon2()
const next = 'another good password'

const passwords = {
  'superscript two': 'zimmer 20 m² ost',
  'micro sign': '5 µm und 3 µl',
  'one half': 'ein ½ brot bitte',
  'decomposed letters (NFD)': 'Pa\u0308sse u\u0308ber A\u030angstro\u0308m',
  'full width': 'ｐａｓｓ ｗｏｒｄ',
  ligature: 'ﬁve ﬁsh ﬂying',
  'Ångström sign': 'eine \u212bngstr\u00f6m weit',
  'Hangul, decomposed': '\u1112\u1161\u11ab\u1100\u1173\u11af password',
}

/** An account as `users import` leaves it. */
async function imported(password: string, parameters = defaultParameters) {
  const { email, ...session } = await app.signUp()
  const foreign = await argon2.hash(Buffer.from(password, 'utf8'), parameters)
  await app.sql`update users set password_hash = ${foreign}, email_verified_at = now() where email = ${email}`
  const hash = async (): Promise<string> => {
    const [row] = await app.sql`select password_hash from users where email = ${email}`
    return row?.password_hash
  }
  return { email, foreign, hash, session: session as Answer }
}
const signIn = (email: string, password: string) => app.api('POST', '/login', { body: { email, password } })

for (const [name, password] of Object.entries(passwords))
  t.test(`${name}: signs in, and is hashed as ours from then on`, async (t) => {
    t.not(password.normalize('NFKC'), password)
    const { email, foreign, hash } = await imported(password)
    isProblem(t, await signIn(email, `${password}x`), 'invalid_credentials')
    isProblem(t, await signIn(email, password.normalize('NFKC')), 'invalid_credentials')
    t.equal(await hash(), foreign, 'a wrong one renews nothing')
    t.equal((await signIn(email, password)).status, 200)
    const renewed = await hash()
    t.ok(isCurrent(renewed, defaultParameters))
    t.ok(await argon2.verify(renewed, passwordBytes(password)))
    t.equal((await signIn(email, password)).status, 200)
    t.equal((await signIn(email, password.normalize('NFKC'))).status, 200, 'from another keyboard')
    t.equal(await hash(), renewed)
  })

t.test('of other parameters as well', async (t) => {
  const { email, hash } = await imported(passwords['micro sign'], { memoryKib: 64, passes: 1, lanes: 1 })
  t.equal((await signIn(email, passwords['micro sign'])).status, 200)
  t.ok(isCurrent(await hash(), defaultParameters))
})

t.test(
  'a session proves its owner by one: change-password, step-up, export, set new address, leaving',
  async (t) => {
    const password = passwords['superscript two']
    for (const [method, path, body, status] of [
      ['POST', '/change-password', { current_password: password, new_password: next }, 200],
      ['POST', '/step-up', { method: 'password', password }, 200],
      ['POST', '/change-email', { current_password: password, new_email: 'new-one@example.com' }, 202],
      ['DELETE', '/me', { current_password: password }, 204],
    ] as const) {
      const { session } = await imported(password)
      const wrong = await app.api(method, path, {
        headers: bearer(session),
        body: { ...body, ...('password' in body ? { password: 'm²' } : { current_password: 'm²' }) },
      })
      isProblem(t, wrong, 'validation_failed', ['password' in body ? 'password' : 'current_password'])
      const answer = await app.api(method, path, { headers: bearer(session), body })
      t.equal(answer.status, status, `${method} ${path}`)
    }
  },
)

t.test('the new password may not be the imported one', async (t) => {
  const password = passwords['one half']
  const { session } = await imported(password)
  const body = { current_password: password, new_password: password }
  const answer = await app.api('POST', '/change-password', { headers: bearer(session), body })
  isProblem(t, answer, 'validation_failed', ['new_password'])
})

t.test('every product’s clients sign in with it', async (t) => {
  const password = passwords['decomposed letters (NFD)']
  for (const path of ['/nora/auth/login', '/credebl/auth/signin', '/nodeloom/api/auth/login']) {
    const { email } = await imported(password)
    t.equal((await app.send('POST', path, { body: { email, password } })).status, 200, path)
  }
  const { email } = await imported(password)
  const change = { email, oldPassword: password, newPassword: next }
  t.equal((await app.send('POST', '/credebl/auth/reset-password', { body: change })).status, 200)
  const nora = await imported(password)
  const login = await app.send('POST', '/nora/auth/login', { body: { email: nora.email, password } })
  await app.sql`update users set password_hash = ${nora.foreign} where email = ${nora.email}`
  const headers = { authorization: `Bearer ${login.body.token}` }
  const body = { currentPassword: password, newPassword: next }
  t.equal((await app.send('PATCH', '/nora/auth/password', { headers, body })).status, 200)
})

t.test('a strict project: a claim with such a password is found by it, and by no other', async (t) => {
  const strict = { 'project-id': (await app.project({ verification: { mode: 'strict' } })).id }
  const body = { email: 'claimed@example.com', password: 'fünf ½ brote' }
  t.equal((await app.api('POST', '/signup', { headers: strict, body })).status, 202)
  const login = await app.api('POST', '/login', { headers: strict, body })
  isProblem(t, login, 'email_verification_required')
  const wrong = { ...body, password: 'fünf ¼ brote' }
  isProblem(t, await app.api('POST', '/login', { headers: strict, body: wrong }), 'invalid_credentials')
})
