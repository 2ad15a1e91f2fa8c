// What CREDEBL's own front end does: it encrypts passwords and ids with a key that it shares with its server.
import { execFile } from 'node:child_process'
import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { decodeJwt } from 'jose'
import t from 'tap'
import { decryptText } from '../../src/http/contracts/credebl/encrypted-text.ts'
import { startTestApp } from '../support/app.ts'

const run = promisify(execFile)
const key = 'a key of the front end'
const app = await startTestApp(t, { env: { CREDEBL_CRYPTO_KEY: key } })
const password = 'Wallet of 2 people'

/** As CryptoJS.AES.encrypt(text, passphrase).toString() does. */
function encrypt(text: string, passphrase = key): string {
  const salt = randomBytes(8)
  const blocks: Buffer[] = []
  for (let n = 0; n < 3; n++)
    blocks.push(
      createHash('md5')
        .update(Buffer.concat([blocks[n - 1] ?? Buffer.alloc(0), Buffer.from(passphrase), salt]))
        .digest(),
    )
  const derived = Buffer.concat(blocks)
  const cipher = createCipheriv('aes-256-cbc', derived.subarray(0, 32), derived.subarray(32))
  return Buffer.concat([Buffer.from('Salted__'), salt, cipher.update(text, 'utf8'), cipher.final()]).toString(
    'base64',
  )
}
/** As the front end encrypts a password or an id: the text as JSON. */
const encryptJson = (text: string) => encrypt(JSON.stringify(text))

const credebl = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  app.send(method, `/credebl${path}`, { body, headers })
const post = (path: string, body: unknown) => credebl('POST', `/auth${path}`, body)

let people = 0
async function person() {
  const email = `front-end-${++people}@example.com`
  await app.api('POST', '/signup', { body: { email, password, first_name: 'Alen' } })
  const { status, body } = await post('/signin', { email, password: encryptJson(password) })
  t.equal(status, 200)
  return { email, ...body.data, headers: { authorization: `Bearer ${body.data.access_token}` } }
}

t.test('a published text of CryptoJS and a text of openssl are decrypted', async (t) => {
  // CryptoJS 4: AES.encrypt('my message', 'secret key 123'), of its README.
  t.equal(
    decryptText('secret key 123', 'U2FsdGVkX18ZUVvShFSES21qHsQEqZXMxQ9zgHy+bu0='),
    null,
    'encrypted under another key',
  )
  t.equal(decryptText(key, encrypt('plain text')), 'plain text')
  t.equal(decryptText(key, encryptJson('päss wörd 🔑')), 'päss wörd 🔑')
  t.equal(decryptText(key, encrypt('12345678')), '12345678', 'JSON that is not a string is returned as text')
  const openssl = run('sh', [
    '-c',
    `printf '"by openssl"' | openssl enc -aes-256-cbc -md md5 -a -A -pass 'pass:${key}' 2>/dev/null`,
  ])
  const { stdout } = await openssl.catch(() => ({ stdout: '' }))
  if (stdout) t.equal(decryptText(key, stdout.trim()), 'by openssl')
  for (const wrong of ['U2FsdGVkX1', 'U2FsdGVkX1==', `${encrypt('x').slice(0, -6)}`, encrypt('x', 'another')])
    t.equal(decryptText(key, wrong), null, wrong)
})

t.test('sign-in, change and reset take encrypted passwords, and the decrypted one is hashed', async (t) => {
  const { email } = await person()
  const next = 'Another wallet of ours'
  const changed = await post('/reset-password', {
    email,
    oldPassword: encryptJson(password),
    newPassword: encryptJson(next),
  })
  t.equal(changed.status, 200)
  t.equal((await app.api('POST', '/login', { body: { email, password: next } })).status, 200)
  t.equal((await post('/signin', { email, password: encryptJson(password) })).status, 401)
  await post('/forgot-password', { email })
  const mails = await app.mailbox.waitFor(email, { count: 3 })
  const link = new URL(mails.find(({ kind }) => kind === 'reset_password')?.link ?? '')
  const token = link.searchParams.get('verificationCode')
  const reset = await post(`/password-reset/${email}`, { token, password: encryptJson('A third wallet') })
  t.equal(reset.status, 200)
  t.equal((await app.api('POST', '/login', { body: { email, password: 'A third wallet' } })).status, 200)
})

t.test('the password rules are applied to the decrypted password', async (t) => {
  const { email } = await person()
  const change = (newPassword: string) =>
    post('/reset-password', { email, oldPassword: encryptJson(password), newPassword })
  t.same((await change(encryptJson('short'))).body.message, ['newPassword must be at least 8 characters'])
  t.same((await change(encryptJson('password123'))).body.message, ['Password is too common'])
  t.same((await change(encrypt('x', 'another key'))).body.message, ['newPassword cannot be decrypted.'])
})

t.test('a password that cannot be decrypted is answered and counted as a wrong one', async (t) => {
  const { email } = await person()
  for (const guess of [encrypt('x', 'another key'), encryptJson('a wrong password'), 'U2FsdGVkX1x'])
    t.same((await post('/signin', { email, password: guess })).body.message, 'Invalid Credentials')
  for (let i = 0; i < 2; i++) await post('/signin', { email, password: encrypt('x', 'another key') })
  t.equal((await post('/signin', { email, password: encryptJson(password) })).status, 429)
})

t.test(
  'without a key an encrypted password is refused on every route, and never stored or compared',
  async (t) => {
    const bare = await startTestApp(t)
    const value = encryptJson(password)
    const email = 'stored@example.com'
    await bare.api('POST', '/signup', { body: { email, password: value } })
    for (const [path, body, field] of [
      ['/signin', { email, password: value }, 'password'],
      ['/reset-password', { email, oldPassword: value, newPassword: 'a good long password' }, 'oldPassword'],
      ['/reset-password', { email, oldPassword: 'a good long password', newPassword: value }, 'newPassword'],
      [`/password-reset/${email}`, { token: 'x', password: value }, 'password'],
      ['/signup', { email: 'new@example.com', firstName: 'A', lastName: 'B', password: value }, 'password'],
    ] as const) {
      const answer = await bare.send('POST', `/credebl/auth${path}`, { body })
      t.equal(answer.status, 400, path)
      t.same(answer.body.message, [`${field} must not be encrypted: this server has no key for it.`])
    }
    const asked = await bare.send(
      'GET',
      `/credebl/auth/sessionDetails?sessionId=${encodeURIComponent(value)}`,
    )
    t.equal(asked.status, 400)
  },
)

t.test('session details: the tokens of the session whose id was encrypted', async (t) => {
  const one = await person()
  const ask = (sessionId: string) =>
    credebl('GET', `/auth/sessionDetails?sessionId=${encodeURIComponent(sessionId)}`)
  const { status, body } = await ask(encryptJson(one.sessionId))
  t.equal(status, 200)
  t.match(body, { statusCode: 200, message: 'Session details fetched successfully' })
  t.equal(body.data.refreshToken, one.refresh_token, 'the current token of the session')
  const headers = { authorization: `Bearer ${body.data.sessionToken}` }
  t.equal((await credebl('GET', '/users/profile', undefined, headers)).status, 200)
  for (const wrong of [
    one.sessionId,
    encrypt(one.sessionId, 'another key'),
    encryptJson('no id'),
    'U2FsdGVkX1',
    '',
  ])
    t.equal((await ask(wrong)).status, 401, wrong)
  const other = await app.api('POST', '/login', { body: { email: one.email, password } })
  const { sid } = decodeJwt(other.body.access_token)
  t.equal((await ask(encryptJson(String(sid)))).status, 401, 'a session of another API is not accepted')
  await credebl('POST', '/auth/signout', undefined, one.headers)
  t.equal((await ask(encryptJson(one.sessionId))).status, 401, 'no tokens after the sign-out')
})

t.test('session details: with an access token, the answer has that token and no refresh token', async (t) => {
  const { headers, access_token, sessionId } = await person()
  const { status, body } = await credebl('GET', '/auth/sessionDetails', undefined, headers)
  t.equal(status, 200)
  t.equal(body.data.sessionToken, access_token)
  t.equal(body.data.id, sessionId)
  t.notOk('refreshToken' in body.data)
  t.equal((await credebl('GET', '/auth/sessionDetails')).status, 401)
})

t.test('users/profile, under every base', async (t) => {
  const { email, headers, access_token } = await person()
  for (const path of ['/users/profile', '/v1/users/profile']) {
    const { status, body } = await credebl('GET', path, undefined, headers)
    t.equal(status, 200, path)
    t.match(body, {
      statusCode: 200,
      message: 'User fetched successfully',
      data: {
        id: decodeJwt(access_token).sub,
        email,
        firstName: 'Alen',
        isEmailVerified: false,
        userOrgRoles: [],
      },
    })
    t.equal((await credebl('GET', path)).status, 401)
  }
})

t.test('the refresh token is a JWT with exp and the front end’s client id as azp', async (t) => {
  const { refresh_token } = await person()
  const claims = decodeJwt(refresh_token)
  t.equal(claims.azp, 'credebl')
  t.ok(Number(claims.exp) > Date.now() / 1000)
})
