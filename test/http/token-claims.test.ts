// Access tokens follow RFC 9068, are signed by the algorithm of the project's policy, and say how their user signed in.
import { createPrivateKey, sign } from 'node:crypto'
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import t from 'tap'
import { generateSigningKey, signingAlgorithms } from '../../src/crypto/signing-key.ts'
import { bearer, startTestApp } from '../support/app.ts'
import { createForge, encode, partsOf } from '../support/forge.ts'

const app = await startTestApp(t)
const claimsOf = (token: string) => partsOf(token)[1]

async function verified(token: string, audience: string) {
  const { body } = await app.send('GET', '/.well-known/jwks.json')
  const keys = createLocalJWKSet(body as JSONWebKeySet)
  return jwtVerify(token, keys, { issuer: app.config.publicUrl, audience, typ: 'at+jwt' })
}

t.test(
  'a token has each claim of RFC 9068, and lives to the second as long as the policy says',
  async (t) => {
    const { body } = await app.signUp()
    const { payload } = await verified(body.access_token, app.projectId)
    const [session] = await app.sql`select id, auth_time from sessions where user_id = ${body.user.id}`
    t.match(payload, {
      iss: app.config.publicUrl,
      aud: app.projectId,
      sub: body.user.uuid,
      client_id: 'canonical',
      acr: '1',
      amr: ['pwd'],
      sid: session?.id,
      role: 'user',
      auth_time: Math.floor(new Date(session?.auth_time).getTime() / 1000),
    })
    t.equal(payload.exp, Number(payload.iat) + 900)
    t.equal(body.expires_at, new Date(Number(payload.exp) * 1000).toISOString())
    t.equal(body.expires_in, 900)
  },
)

t.test(
  'every token has an id of its own, also a replayed one; refresh keeps when the user signed in',
  async (t) => {
    const { body } = await app.signUp()
    await app.sql`update sessions set auth_time = '2026-03-04T05:06:07.890Z' where user_id = ${body.user.id}`
    const refresh = () => app.api('POST', '/refresh', { body: { refresh_token: body.refresh_token } })
    const answers = [await refresh(), await refresh()]
    const claims = answers.map(({ body }) => claimsOf(body.access_token))
    t.equal(new Set([claimsOf(body.access_token), ...claims].map(({ jti }) => jti)).size, 3)
    for (const { auth_time, amr } of claims) {
      t.equal(auth_time, Date.parse('2026-03-04T05:06:07Z') / 1000)
      t.same(amr, ['pwd'])
    }
  },
)

t.test('the tokens of products carry an address only with whether it is proven', async (t) => {
  const { email, password, body } = await app.signUp()
  const credentials = { body: { email, password } }
  for (const isProven of [false, true]) {
    if (isProven) await app.sql`update users set email_verified_at = now() where id = ${body.user.id}`
    const credebl = await app.send('POST', '/credebl/auth/signin', credentials)
    const nora = await app.send('POST', '/nora/auth/login', credentials)
    const tokens = { credebl: credebl.body.data.access_token, nora: nora.body.token }
    for (const [client_id, token] of Object.entries(tokens))
      t.match(claimsOf(token), { client_id, email, email_verified: isProven })
  }
  const nora = await app.send('POST', '/nora/auth/login', credentials)
  const { iat, exp } = claimsOf(nora.body.token)
  t.equal(Number(exp) - Number(iat), 604_800)
})

for (const algorithm of signingAlgorithms)
  t.test(
    `policy tokens.signing_algorithm: ${algorithm} · from its first token on, and in the key set`,
    async (t) => {
      const { id } = await app.project({ tokens: { signing_algorithm: algorithm } })
      const headers = { 'project-id': id }
      const body = { email: `${algorithm}@example.com`, password: 'a good long password' }
      const answer = await app.api('POST', '/signup', { headers, body })
      t.equal(answer.status, 201)
      t.equal(decodeProtectedHeader(answer.body.access_token).alg, algorithm)
      t.equal((await verified(answer.body.access_token, id)).payload.sub, answer.body.user.uuid)
      t.equal((await app.api('GET', '/me', { headers: { ...headers, ...bearer(answer) } })).status, 200)
      const { keys } = (await app.send('GET', '/.well-known/jwks.json')).body
      t.ok(keys.some(({ alg }: { alg: string }) => alg === algorithm))
      const states = await app.sql`select state from (select algorithm, state from signing_keys union all
          select algorithm, state from jwt_signing_keys) every_key where algorithm = ${algorithm} order by state`
      t.same(
        states.map(({ state }) => state),
        ['current', 'next'],
      )
    },
  )

t.test('a changed policy changes the algorithm of new tokens, and refuses none of the old', async (t) => {
  const { email, password, ...first } = await app.signUp()
  await app.setPolicy({ tokens: { signing_algorithm: 'RS256' } })
  const second = await app.api('POST', '/login', { body: { email, password } })
  await app.setPolicy({})
  const third = await app.api('POST', '/login', { body: { email, password } })
  const algorithms = [first, second, third].map(({ body }) => decodeProtectedHeader(body.access_token).alg)
  t.same(algorithms, ['ES256', 'RS256', 'ES256'])
  for (const answer of [first, second, third])
    t.equal((await app.api('GET', '/me', { headers: bearer(answer) })).status, 200)
})

t.test('a key verifies its own algorithm alone, and a foreign key of the same kind nothing', async (t) => {
  const { body } = await app.signUp()
  const [header, claims] = partsOf(body.access_token)
  for (const algorithm of signingAlgorithms) {
    const foreign = await generateSigningKey(algorithm)
    const key = createPrivateKey({ key: foreign.privateKey, format: 'der', type: 'pkcs8' })
    for (const kid of [header.kid, foreign.kid]) {
      const signed = `${encode({ ...header, alg: algorithm, kid })}.${encode(claims)}`
      const signature = sign(algorithm === 'EdDSA' ? null : 'sha256', Buffer.from(signed), {
        key,
        dsaEncoding: 'ieee-p1363',
      })
      const token = `${signed}.${signature.toString('base64url')}`
      const answer = await app.api('GET', '/me', { headers: { authorization: `Bearer ${token}` } })
      t.equal(answer.status, 401, `${algorithm} ${kid}`)
    }
  }
})

t.test('an unknown algorithm is refused when it is set', async (t) => {
  for (const signing_algorithm of ['HS256', 'none', 'ES384', '', null])
    await t.rejects(app.setPolicy({ tokens: { signing_algorithm } }), /tokens\.signing_algorithm/)
})

t.test('a session knows the API that opened it, in every API', async (t) => {
  const { email, password, body } = await app.signUp()
  const credentials = { body: { email, password } }
  await app.send('POST', '/nodeloom/api/auth/login', credentials)
  await app.send('POST', '/credebl/auth/signin', credentials)
  await app.send('POST', '/nora/auth/login', credentials)
  const rows =
    await app.sql`select client, amr, acr from sessions where user_id = ${body.user.id} order by client`
  t.same(
    [...rows].map((row) => ({ ...row })),
    ['canonical', 'credebl', 'nodeloom', 'nora'].map((client) => ({ client, amr: 'pwd', acr: '1' })),
  )
})

t.test(
  'tokens of version 0.1, by an Ed25519 key and without the new claims, are good until they expire',
  async (t) => {
    const old = await app.signUp()
    await app.project({ tokens: { signing_algorithm: 'EdDSA' } }).then(({ id }) =>
      // Its first request makes the key.
      app.api('POST', '/verify-email/resend', { headers: { 'project-id': id }, body: { email: old.email } }),
    )
    const [row] = await app.sql`select kid from signing_keys where algorithm = 'EdDSA' and state = 'current'`
    const { iss, sub, aud, sid, gen, iat, exp } = claimsOf(old.body.access_token)
    const before = `${encode({ alg: 'EdDSA', typ: 'at+jwt', kid: row?.kid })}.${encode({ iss, sub, aud, sid, gen, iat, exp })}.x`
    const { forge } = await createForge(app, before)
    const headers = { authorization: `Bearer ${forge({})}` }
    t.equal((await app.api('GET', '/me', { headers })).status, 200)
  },
)
