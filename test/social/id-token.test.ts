// id_tokens: what proves a person, and every trick that does not. The issuer is a real one; the tokens are made here.
import { createHash, createPublicKey } from 'node:crypto'
import { createServer } from 'node:http'
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose'
import t from 'tap'
import { providerOf } from '../../src/domain/projects/providers.ts'
import type { Provider, Verdict } from '../../src/social/profile.ts'
import { createProviders } from '../../src/social/providers.ts'
import { newSubject, startIssuer, type TestIssuer } from '../support/issuer.ts'

const issuer = await startIssuer(t)
const provider = providerOf({ acme: issuer.policy() as never }, 'acme') as Provider
const { verifyIdToken } = createProviders({ secrets: {} })
const now = () => Math.floor(Date.now() / 1000)

const kindOf = async (token: string, nonce: string | null = null, at = provider) =>
  (await verifyIdToken(at, token, nonce)).kind
const personOf = (verdict: Verdict) => (verdict.kind === 'profile' ? verdict.profile : null)

t.test('a token of the issuer for us proves a person', async (t) => {
  const subject = newSubject()
  const claims = { sub: subject, email: ' Ada@Example.com', name: 'Ada', given_name: 'A', family_name: 'L' }
  const verdict = await verifyIdToken(provider, await issuer.idToken(claims), null)
  t.same(personOf(verdict), {
    issuer: issuer.url,
    subject,
    email: 'ada@example.com',
    emailVerified: true,
    displayName: 'Ada',
    firstName: 'A',
    lastName: 'L',
  })
  t.ok(verdict.kind === 'profile' && verdict.singleUse && verdict.singleUse.until.getTime() > Date.now())
})

t.test('signatures: none, HMAC with the public key, another key, an embedded key, a bent one', async (t) => {
  const good = await issuer.idToken()
  const [head = '', body = '', signature = ''] = good.split('.')
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const published = (await (await fetch(`${issuer.url}/jwks`)).json()) as { keys: Record<string, string>[] }
  const pem = createPublicKey({ key: published.keys[0] as never, format: 'jwk' }).export({
    type: 'spki',
    format: 'pem',
  })
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
  const forged = await generateKeyPair('RS256', { extractable: true })
  const sign = (header: object, key = forged.privateKey) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: 'first', ...header } as never)
      .sign(key as never)
  const bad: Record<string, string> = {
    'alg none': `${encode({ alg: 'none' })}.${body}.`,
    'alg None': `${encode({ alg: 'None' })}.${body}.`,
    'HS256 with the PEM': await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: 'first' })
      .sign(Buffer.from(String(pem))),
    'HS256 with the JWK': await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: 'first' })
      .sign(Buffer.from(JSON.stringify(published.keys[0]))),
    'another key under our kid': await sign({}),
    'unknown kid': await sign({ kid: 'nobody' }),
    'embedded jwk': await sign({ jwk: await exportJWK(forged.publicKey) }),
    'a good signature with jku': await issuer.idToken({}, { jku: `${issuer.url}/jwks` }),
    'a good signature with x5u': await issuer.idToken({}, { x5u: `${issuer.url}/jwks` }),
    'a good signature with x5c': await issuer.idToken({}, { x5c: [await exportSPKI(forged.publicKey)] }),
    'an access token': await issuer.idToken({}, { typ: 'at+jwt' }),
    'a logout token': await issuer.idToken({}, { typ: 'logout+jwt' }),
    'another body': `${head}.${encode({ ...claims, sub: 'somebody-else' })}.${signature}`,
    'no signature': `${head}.${body}.`,
    'two parts': `${head}.${body}`,
    'five parts': `${good}.a.b`,
    'no base64': `${head}.%%%.${signature}`,
    'body no object': `${head}.${Buffer.from('"text"').toString('base64url')}.${signature}`,
    empty: '',
    dots: '..',
    text: 'not a token at all',
  }
  for (const [name, token] of Object.entries(bad)) t.equal(await kindOf(token), 'refused', name)
  t.equal(await kindOf(good), 'profile', 'and the good one is good')
})

t.test('issuer, audience and party are compared to the letter', async (t) => {
  const id = issuer.clientId
  const two = providerOf(
    { acme: issuer.policy({ client_ids: [id, 'android'] }) as never },
    'acme',
  ) as Provider
  const bad: Record<string, Record<string, unknown>> = {
    'another issuer': { iss: 'https://accounts.google.com' },
    'a slash behind': { iss: `${issuer.url}/` },
    'no issuer': { iss: undefined },
    'an issuer that is a list': { iss: [issuer.url] },
    'another audience': { aud: 'somebody-else' },
    'no audience': { aud: undefined },
    'an empty audience': { aud: [] },
    'a list without azp': { aud: [id, 'other'] },
    'a list of one that is another': { aud: ['other'] },
    'a list of ours whose azp is another': { aud: [id], azp: 'other' },
    'a list whose azp is another': { aud: [id, 'other'], azp: 'other' },
    'azp of another party': { azp: 'other' },
    'a number as audience': { aud: 7 },
    'no subject': { sub: undefined },
    'an empty subject': { sub: '' },
    'a subject that is a number': { sub: 7 },
    'a subject with NUL': { sub: 'a\0b' },
    'a subject without end': { sub: 'x'.repeat(300) },
  }
  for (const [name, claims] of Object.entries(bad))
    t.equal(await kindOf(await issuer.idToken(claims)), 'refused', name)
  t.equal(await kindOf(await issuer.idToken({ aud: [id, 'other'], azp: id })), 'profile')
  t.equal(await kindOf(await issuer.idToken({ aud: [id] })), 'profile', 'a list of ours needs no azp')
  t.equal(await kindOf(await issuer.idToken({ aud: [id, 'android'] }), null, two), 'profile')
  t.equal(await kindOf(await issuer.idToken({ aud: [id, 'android'] })), 'refused', 'one of them is not ours')
  t.equal(
    await kindOf(await issuer.idToken({ azp: 'android' }), null, two),
    'profile',
    'a second client of ours',
  )
})

t.test('time has a leeway of a minute and no more', async (t) => {
  const bad: Record<string, Record<string, unknown>> = {
    expired: { exp: now() - 70 },
    'of the future': { iat: now() + 70 },
    'not yet': { nbf: now() + 70 },
    'without end': { exp: undefined },
    'without beginning': { iat: undefined },
    'an end that is a text': { exp: '9999999999' },
    'an end beyond every calendar': { exp: 1e300 },
  }
  for (const [name, claims] of Object.entries(bad))
    t.equal(await kindOf(await issuer.idToken(claims)), 'refused', name)
  t.equal(await kindOf(await issuer.idToken({ exp: now() - 30, iat: now() - 400 })), 'profile')
  t.equal(await kindOf(await issuer.idToken({ iat: now() + 30 })), 'profile')
})

t.test('a nonce that is named is carried; one that nobody named needs a young token', async (t) => {
  const nonce = 'n-0S6_WzA2Mj'
  const carried = await issuer.idToken({ nonce })
  t.equal(await kindOf(carried, nonce), 'profile')
  t.equal(await kindOf(carried, 'another'), 'refused')
  t.equal(await kindOf(carried), 'refused', 'carried and not named')
  const lenient = providerOf({ acme: issuer.policy({ nonce: 'optional' }) as never }, 'acme') as Provider
  t.equal(await kindOf(carried, null, lenient), 'profile', 'as an SDK adds it, and tells nobody')
  t.equal(await kindOf(carried, 'another', lenient), 'refused')
  t.equal(await kindOf(await issuer.idToken(), nonce, lenient), 'refused')
  const old = await issuer.idToken({ nonce, iat: now() - 310 })
  t.equal(await kindOf(old, null, lenient), 'refused', 'not one that may have lain about')
  t.equal(await kindOf(old, nonce), 'profile', 'which is for whoever knows the nonce')
  const list = await issuer.idToken({ nonce: [nonce] })
  t.equal(await kindOf(list, null, lenient), 'refused', 'not one that is no text')
  const google = providerOf({ google: issuer.policy() as never }, 'google') as Provider
  t.equal(await kindOf(carried, null, google), 'profile', 'Google’s SDK for iOS does')
  const strict = issuer.policy({ nonce: 'required' })
  const demanding = providerOf({ google: strict as never }, 'google') as Provider
  t.equal(await kindOf(carried, null, demanding), 'refused', 'nor where the policy demands that it is named')
  t.equal(await kindOf(carried, nonce, demanding), 'profile')
  t.equal(await kindOf(await issuer.idToken(), null, demanding), 'profile')
  t.equal(await kindOf(await issuer.idToken(), nonce), 'refused', 'asked for and not carried')
  t.equal(await kindOf(await issuer.idToken({ nonce: [nonce] }), nonce), 'refused')
  const hashed = createHash('sha256').update(nonce).digest('hex')
  t.equal(await kindOf(await issuer.idToken({ nonce: hashed }), nonce), 'profile', 'as native apps send it')
})

t.test('an address counts as verified by the word true alone; any other word refuses nobody', async (t) => {
  const email = 'ada@example.com'
  const verified = async (claims: object, at = provider) =>
    personOf(await verifyIdToken(at, await issuer.idToken({ email, ...claims }), null))?.emailVerified
  t.equal(await verified({ email_verified: true }), true)
  t.equal(await verified({ email_verified: false }), false)
  t.equal(await verified({ email_verified: undefined }), false)
  t.equal(await verified({ email_verified: true, email: undefined }), false, 'no address, nothing verified')
  t.equal(await verified({ email_verified: 'true' }), true, 'Apple and Cognito write it so')
  for (const said of ['false', 'TRUE', ' true', 'yes', '1', 1, 0, null, {}, [], [true]])
    t.equal(await verified({ email_verified: said }), false, JSON.stringify(said))
})

t.test(
  'the reason of a refusal says what to do, once it is known, and holds nothing of the token',
  async (t) => {
    const reasons: string[] = []
    const told = createProviders({ secrets: {}, onRefused: (_provider, reason) => reasons.push(reason) })
    const token = await issuer.idToken({ aud: 'somebody-else', sub: 'the-subject', nonce: 'the-nonce' })
    t.equal((await told.verifyIdToken(provider, token, null)).kind, 'refused')
    t.match(reasons, [/^For another audience\. Add the client id of the application to client_ids/])
    for (const wrong of ['x', 'a.b.c', `${await issuer.idToken()}x`, await issuer.idToken({ exp: 1 })])
      await told.verifyIdToken(provider, wrong, null)
    t.equal(reasons.length, 5)
    for (const reason of reasons) {
      t.match(reason, /^[A-Z].+\. [A-Z].+\.$/, 'why, and what to do')
      t.notMatch(reason, /somebody-else|the-subject|the-nonce|eyJ/)
    }
  },
)

t.test('an address that no account could have is none; names are cut and cleaned', async (t) => {
  for (const email of [
    'ada@localhost',
    'ada',
    '\u212a@example.com',
    'a@b.c\0',
    `${'a'.repeat(300)}@example.com`,
    7,
    null,
  ])
    t.equal(
      personOf(await verifyIdToken(provider, await issuer.idToken({ email }), null))?.email,
      null,
      String(email),
    )
  const odd = await issuer.idToken({ name: 'x'.repeat(300), given_name: 'a\0b', family_name: 7 })
  t.match(personOf(await verifyIdToken(provider, odd, null)), {
    displayName: 'x'.repeat(255),
    firstName: null,
    lastName: null,
  })
})

t.test('one signature written in two ways is one token', async (t) => {
  const marks = (verdict: Verdict) => (verdict.kind === 'profile' ? verdict.singleUse?.marks : null)
  const token = await issuer.idToken({ nonce: 'a nonce' })
  const found = marks(await verifyIdToken(provider, token, 'a nonce'))
  t.equal(found?.length, 2)
  t.notOk(
    found?.some((mark) => mark.includes(token.split('.')[2] ?? '')),
    'the signature is no part of the mark',
  )
})

t.test('many tenants: each is an issuer of its own, and its administrator proves no address', async (t) => {
  const tid = '7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d'
  const other = '8c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d'
  const keys = await generateKeyPair('RS256', { extractable: true })
  const base = { ...(await exportJWK(keys.publicKey)), alg: 'RS256', use: 'sig' }
  const server = createServer((request, response) => {
    const at = `http://127.0.0.1:${(server.address() as { port: number }).port}`
    const known = request.url?.endsWith('openid-configuration')
      ? { issuer: `${at}/{tenantid}/v2.0`, jwks_uri: `${at}/keys` }
      : {
          keys: [
            { ...base, kid: 'all', issuer: `${at}/{tenantid}/v2.0` },
            { ...base, kid: 'one', issuer: `${at}/${other}/v2.0` },
          ],
        }
    response.end(JSON.stringify(known))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.teardown(() => server.close())
  const at = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  const tenants = { ...provider, issuer: `${at}/{tenantid}/v2.0`, discovery: `${at}/common` }
  const token = (claims: object, kid = 'all') =>
    new SignJWT({
      iss: `${at}/${tid}/v2.0`,
      tid,
      aud: issuer.clientId,
      sub: 's',
      email: 'ada@example.com',
      ...claims,
    })
      .setProtectedHeader({ alg: 'RS256', kid })
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(keys.privateKey)
  const verdict = await verifyIdToken(tenants, await token({ email_verified: true }), null)
  t.match(personOf(verdict), { issuer: `${at}/${tid}/v2.0`, emailVerified: false })
  const owned = await verifyIdToken(tenants, await token({ xms_edov: true }), null)
  t.equal(personOf(owned)?.emailVerified, true)
  t.equal(await kindOf(await token({ tid: other }), null, tenants), 'refused', 'tid is not the issuer’s')
  t.equal(await kindOf(await token({ tid: undefined }), null, tenants), 'refused')
  t.equal(await kindOf(await token({ iss: tenants.issuer, tid: undefined }), null, tenants), 'refused')
  t.equal(await kindOf(await token({}, 'one'), null, tenants), 'refused', 'a key of another tenant')
})

t.test('keys are asked for once, again for an unknown one, and then not for a while', async (t) => {
  const own = await startIssuer(t)
  const at = providerOf({ own: own.policy() as never }, 'own') as Provider
  const calls = () => own.asked.filter((path) => path === '/jwks').length
  const patient = createProviders({ secrets: {}, keySets: { cooldownMs: 60_000 } })
  await Promise.all(
    Array.from({ length: 8 }, async () => patient.verifyIdToken(at, await own.idToken(), null)),
  )
  t.equal(calls(), 1, 'eight first sign-ins at once, one call')
  await own.rotate()
  for (let i = 0; i < 5; i++)
    t.equal((await patient.verifyIdToken(at, await own.idToken(), null)).kind, 'refused', 'within the floor')
  t.equal(calls(), 1)
  const eager = createProviders({ secrets: {}, keySets: { cooldownMs: 0 } })
  t.equal((await eager.verifyIdToken(at, await own.idToken(), null)).kind, 'profile')
  await own.rotate()
  t.equal((await eager.verifyIdToken(at, await own.idToken(), null)).kind, 'profile', 'a new key is found')
  const before = own.asked.length
  for (let i = 0; i < 5; i++) await eager.verifyIdToken(at, await own.idToken(), null)
  t.equal(own.asked.length, before, 'and a known one costs no call')
})

t.test('junk costs no call', async (t) => {
  const own = await startIssuer(t)
  const at = providerOf({ own: own.policy() as never }, 'own') as Provider
  for (const claims of [{ iss: 'x' }, { aud: 'x' }, { exp: 1 }, { sub: undefined }, { nonce: 'x' }])
    t.equal(await kindOf(await own.idToken(claims), null, at), 'refused')
  t.same(own.asked, [])
})

t.test(
  'a provider that is down, lies, redirects or drowns us is unavailable, and nothing is believed',
  async (t) => {
    const own = await startIssuer(t)
    const troubles: string[] = []
    const eager = () =>
      createProviders({
        secrets: {},
        keySets: { retryMs: 0 },
        onTrouble: (_name, { message }) => troubles.push(message),
      })
    const at = providerOf({ own: own.policy() as never }, 'own') as Provider
    const fresh = eager()
    await own.listen(false)
    t.equal((await fresh.verifyIdToken(at, await own.idToken(), null)).kind, 'unavailable')
    await own.listen(true)
    t.equal(
      (await fresh.verifyIdToken(at, await own.idToken(), null)).kind,
      'profile',
      'and works when it is back',
    )

    let answer: { status: number; body: string; location?: string } = { status: 200, body: '' }
    const server = createServer((_request, response) => {
      response.writeHead(answer.status, answer.location ? { location: answer.location } : {})
      response.end(answer.body)
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    t.teardown(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
    const liar = { ...at, issuer: url, discovery: url }
    const token = await own.idToken({ iss: url })
    for (const [name, wrong] of Object.entries({
      'an error': { status: 500, body: '' },
      'a redirect': { status: 302, body: '', location: `${own.url}/.well-known/openid-configuration` },
      'no JSON': { status: 200, body: '<html>' },
      'another issuer': {
        status: 200,
        body: JSON.stringify({ issuer: own.url, jwks_uri: `${own.url}/jwks` }),
      },
      'keys at a file': {
        status: 200,
        body: JSON.stringify({ issuer: url, jwks_uri: 'file:///etc/passwd' }),
      },
      'keys at the metadata of a cloud': {
        status: 200,
        body: JSON.stringify({ issuer: url, jwks_uri: 'https://169.254.169.254/keys' }),
      },
      'no keys': { status: 200, body: JSON.stringify({ issuer: url, jwks_uri: url, keys: 'none' }) },
      'a megabyte': { status: 200, body: JSON.stringify({ issuer: url, pad: 'x'.repeat(1_000_000) }) },
    })) {
      answer = wrong
      t.equal((await eager().verifyIdToken(liar, token, null)).kind, 'unavailable', name)
    }
    t.notMatch(troubles.join(' '), token.slice(0, 40))
  },
)

t.test(
  'no private address is called unless the operator allows it, whatever a name resolves to',
  async (t) => {
    const own: TestIssuer = await startIssuer(t)
    const at = providerOf({ own: own.policy() as never }, 'own') as Provider
    const strict = { ...at, allowPrivateNetwork: false }
    const troubles: string[] = []
    const { verifyIdToken: verify } = createProviders({
      secrets: {},
      keySets: { retryMs: 0 },
      onTrouble: (_name, { message }) => troubles.push(message),
    })
    for (const address of [
      own.url,
      own.url.replace('http:', 'https:'),
      'https://localhost:1',
      'https://10.0.0.1',
      'https://[::1]',
      'https://[::ffff:127.0.0.1]',
      'https://169.254.169.254',
    ])
      t.equal(
        (
          await verify(
            { ...strict, issuer: address, discovery: address },
            await own.idToken({ iss: address }),
            null,
          )
        ).kind,
        'unavailable',
        address,
      )
    t.same(own.asked, [], 'nobody was called')
    t.same([...new Set(troubles)], ['The host has an address that must not be called.'])
  },
)
