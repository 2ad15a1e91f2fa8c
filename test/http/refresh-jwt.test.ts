// Refresh tokens as JWTs: only the exact text that was printed is accepted, and no other kind of token is.
import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { decodeProtectedHeader, jwtVerify } from 'jose'
import t from 'tap'
import { printRefreshToken, refreshKey } from '../../src/crypto/refresh-secret.ts'
import { deriveKey } from '../../src/crypto/secrets.ts'
import { generateSigningKey } from '../../src/crypto/signing-key.ts'
import { defaultPolicy } from '../../src/domain/projects/policy.ts'
import type { Grant } from '../../src/domain/sessions/grants.ts'
import { createRefreshJwts } from '../../src/http/refresh-jwts.ts'
import { createTokens } from '../../src/http/tokens.ts'

const projectId = randomUUID()
const now = Date.now()
const grant = {
  user: { uuid: randomUUID() },
  sessionId: '0123abcd-4567-4def-89ab-0fedcba98765',
  generation: 7,
  issuedAt: new Date(now),
  authTime: new Date(now),
  accessSeconds: 900,
  accessExpiresAt: new Date(now + 900_000),
  refreshExpiresAt: new Date(now + 86_400_000),
} as Grant
const secret = randomBytes(32)
const key = refreshKey(secret)
const jwts = createRefreshJwts([key], 'credebl')
const token = jwts.print(projectId, grant)
const read = { sessionId: grant.sessionId, generation: 7, isOfThisApi: true }

t.test('a token is read back, and any JWT library verifies it with its key', async (t) => {
  t.same(jwts.read(token), read)
  const { payload } = await jwtVerify(token, deriveKey(secret, 'refresh-jwt'), { typ: 'rt+jwt' })
  t.same(payload, {
    sub: grant.user.uuid,
    aud: projectId,
    azp: 'credebl',
    sid: grant.sessionId,
    gen: 7,
    exp: Math.floor(grant.refreshExpiresAt.getTime() / 1000),
  })
  t.same(decodeProtectedHeader(token), { alg: 'HS256', typ: 'rt+jwt' })
  await t.rejects(jwtVerify(token, secret), 'the key of canonical refresh tokens does not verify it')
})

t.test('the same generation is always the same token, whenever it is printed', async (t) => {
  t.equal(jwts.print(projectId, { ...grant, issuedAt: new Date(now + 5000) }), token)
  t.not(jwts.print(projectId, { ...grant, generation: 8 }), token)
})

t.test('a refresh token of the canonical form is of another API and is not read', async (t) => {
  t.equal(jwts.read(printRefreshToken(key, grant)), null)
})

t.test('a token with a changed character, another encoding or another signature is refused', async (t) => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  let accepted = 0
  for (let at = 0; at < token.length; at++)
    for (const other of [...alphabet, '=', ' ', '.'])
      if (other !== token[at] && jwts.read(token.slice(0, at) + other + token.slice(at + 1))) accepted++
  t.equal(accepted, 0)
  const [header = '', claims = '', signature = ''] = token.split('.')
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const other = encode({ sid: grant.sessionId, gen: 8 })
  for (const forged of [
    '',
    '.',
    '..',
    `${header}.`,
    `${header}.${claims}`,
    `${header}.${claims}.`,
    `${header}.${other}.${signature}`,
    `${token}.`,
    `${token} `,
    ` ${token}`,
    `${encode({ alg: 'none', typ: 'rt+jwt' })}.${claims}.`,
    `${encode({ typ: 'rt+jwt', alg: 'HS256' })}.${claims}.${signature}`,
    `${header}.${claims}.${createHmac('sha256', secret).update(`${header}.${claims}`).digest('base64url')}`,
    `${header}.${claims}.${createHmac('sha256', '').update(`${header}.${claims}`).digest('base64url')}`,
    `${header}.${'x'.repeat(60_000)}`,
    `${header}${'.'.repeat(60_000)}`,
  ])
    t.equal(jwts.read(forged), null, forged.slice(0, 60))
})

t.test('a token under a replaced key is accepted, one under a foreign key is not', async (t) => {
  const newer = refreshKey(randomBytes(32))
  const rotated = createRefreshJwts([newer, key], 'credebl')
  t.same(rotated.read(token), read)
  t.not(rotated.print(projectId, grant), token, 'and the newest key signs')
  t.equal(createRefreshJwts([newer], 'credebl').read(token), null)
  t.throws(() => createRefreshJwts([], 'credebl'))
})

t.test('it is not accepted as an access token, and no access token as a refresh token', async (t) => {
  const keys = [{ ...(await generateSigningKey()), state: 'current' as const }]
  const tokens = await createTokens(keys, { publicUrl: 'http://127.0.0.1', refreshKey: key, now: Date.now })
  t.equal(tokens.readAccess(token), null)
  t.equal(jwts.read(tokens.printAccess({ id: projectId, policy: defaultPolicy }, grant)), null)
})
