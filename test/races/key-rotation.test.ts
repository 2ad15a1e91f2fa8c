// Rotations under load, with two instances: no token is refused at any moment, whoever printed it and whoever reads it.
import { createPublicKey, verify } from 'node:crypto'
import t from 'tap'
import { refreshKey } from '../../src/crypto/refresh-secret.ts'
import { deriveKey } from '../../src/crypto/secrets.ts'
import { defaultPolicy } from '../../src/domain/projects/policy.ts'
import type { Grant } from '../../src/domain/sessions/grants.ts'
import { openSigningKeys, rotateSigningKeys } from '../../src/domain/signing-keys/signing-keys.ts'
import { createTokens } from '../../src/http/tokens.ts'
import { bearer, startTestApp, type TestApp, testSecretKey } from '../support/app.ts'
import { createDatabase, storesOn } from '../support/database.ts'

const kidOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid

const servicesOf = ({ sql }: TestApp) => ({
  stores: storesOn(sql),
  keys: { sealing: [deriveKey(Buffer.from(testSecretKey), 'seal')] as const },
})
const atOnce = { currentSeconds: 0, nextSeconds: 0 }

t.test('tokens of every age are read by two rings that learn of a rotation at different times', async (t) => {
  const app = await startTestApp(t)
  const { body } = await app.signUp()
  const services = servicesOf(app)
  const options = {
    publicUrl: app.config.publicUrl,
    refreshKey: refreshKey(deriveKey(Buffer.from(testSecretKey), 'refresh')),
    now: Date.now,
  }
  const rings = await Promise.all(
    [1, 2].map(async () => createTokens(await openSigningKeys(services), options)),
  )
  const [early, late] = rings
  if (!early || !late) throw new Error('Two were made.')
  const grant: Grant = {
    user: { uuid: body.user.uuid } as never,
    sessionId: '7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d',
    generation: 0,
    client: 'canonical',
    amr: ['pwd'],
    acr: '1',
    authTime: new Date(),
    accessSeconds: 900,
    issuedAt: new Date(),
    accessExpiresAt: new Date(Date.now() + 900_000),
    refreshExpiresAt: new Date(Date.now() + 900_000),
  }
  const project = { id: app.projectId, policy: defaultPolicy }
  const printed = [body.access_token]
  const kids = new Set<string>([kidOf(body.access_token)])
  for (let rotation = 0; rotation < 4; rotation++) {
    await rotateSigningKeys(services, atOnce)
    await early.use(await openSigningKeys(services))
    // The other instance has not looked yet: it knows the key that signs now as the next one.
    for (const tokens of rings) printed.push(tokens.printAccess(project, grant))
    for (const token of printed)
      for (const [place, tokens] of rings.entries())
        t.ok(tokens.readAccess(token), `rotation ${rotation}, ring ${place}`)
    await late.use(await openSigningKeys(services))
    kids.add(kidOf(early.printAccess(project, grant)))
  }
  t.equal(kids.size, 5, 'each rotation signs with another key')
  for (const token of printed) {
    const jwk = early.jwks().keys.find(({ kid }) => kid === kidOf(token))
    const [head, claims, signature = ''] = token.split('.')
    const signed = Buffer.from(`${head}.${claims}`)
    t.ok(
      verify(
        'sha256',
        signed,
        { key: createPublicKey({ key: { ...jwk }, format: 'jwk' }), dsaEncoding: 'ieee-p1363' },
        Buffer.from(signature, 'base64url'),
      ),
    )
  }
})

t.test('two services under load while the key is rotated: nobody is refused', async (t) => {
  const databaseUrl = await createDatabase(t)
  const env = { PUBLIC_URL: 'https://auth.example.com' }
  const first = await startTestApp(t, { databaseUrl, env })
  const second = await startTestApp(t, { databaseUrl, env })
  const headers = { 'project-id': first.projectId }
  const { email, password, body } = await first.signUp()
  const services = servicesOf(first)
  let refresh = body.refresh_token
  const refused: number[] = []
  const kids = new Set<string>()
  let rotated = false
  for (let turn = 0; turn < 80; turn++) {
    const [here, there] = turn % 2 ? [first, second] : [second, first]
    const fresh = await here.api('POST', '/refresh', { headers, body: { refresh_token: refresh } })
    if (fresh.status !== 200) refused.push(fresh.status)
    refresh = fresh.body.refresh_token
    kids.add(kidOf(fresh.body.access_token))
    const me = await there.api('GET', '/me', { headers: { ...headers, ...bearer(fresh) } })
    if (me.status !== 200) refused.push(me.status)
    if (turn === 20) rotated = await rotateSigningKeys(services, atOnce)
    // Only one of the two has looked since; the other goes on with the ring it has.
    if (turn === 25) await first.running.checkKeys()
    if (turn === 60) await second.running.checkKeys()
  }
  t.equal(rotated, true)
  t.same(refused, [])
  t.equal(kids.size, 2, 'tokens of both keys were used')
  const [one, other] = await Promise.all(
    [first, second].map((app) => app.send('GET', '/.well-known/jwks.json')),
  )
  t.same(one?.body, other?.body)
  t.equal(one?.body.keys.length, 3)
  t.equal((await second.api('POST', '/login', { headers, body: { email, password } })).status, 200)
})
