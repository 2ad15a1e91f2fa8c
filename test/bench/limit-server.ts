// The limit server: bare Fastify that does only the indispensable work. It verifies the same token with the same library and
// cache, runs the service's own statement and signs with the same key.
// No validation, no limits, no headers, no log.
//
//   /constant        a route that returns a constant
//   /answer/constant the same with an answer of the size of /me's, and with a schema
//   /me              token and statement, through the same prepared Drizzle query as the service
//   /refresh         HMAC, statement and signature, the same way
//   /driver/…        the same two with the statement's text passed to postgres.js, without the query builder
import jwt from '@fastify/jwt'
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import postgres from 'postgres'
import { User } from '../../schemas/users.ts'
import {
  printRefreshToken,
  type RefreshClaims,
  readRefreshToken,
  refreshKey,
} from '../../src/crypto/refresh-secret.ts'
import { deriveKey } from '../../src/crypto/secrets.ts'
import { privatePem, publicPem } from '../../src/crypto/signing-key.ts'
import { openPool } from '../../src/database/pool.ts'
import { openSigningKeys } from '../../src/domain/signing-keys/signing-keys.ts'
import { rotateSession } from '../../src/repositories/sessions/refresh.ts'
import { findSession } from '../../src/repositories/sessions/sessions.ts'
import { createStores, type Store } from '../../src/repositories/store.ts'
import { storesOn } from '../support/database.ts'

const { DATABASE_URL: url = '', SECRET_KEY: secret = '', PORT: port } = process.env
const key = (use: string) => deriveKey(Buffer.from(secret, 'utf8'), use)

const pool = openPool(url)
const stores = createStores(pool)
const signing = (await openSigningKeys({ stores, keys: { sealing: [key('seal')] } })).find(
  ({ state, algorithm }) => state === 'current' && algorithm === 'ES256',
)
if (!signing) throw new Error('There is no current signing key.')
const refreshKeys = [refreshKey(key('refresh'))] as const

const app = Fastify()
await app.register(jwt, {
  secret: { private: privatePem(signing.privateKey), public: publicPem(signing.publicJwk) },
  sign: { algorithm: signing.algorithm },
  verify: { algorithms: [signing.algorithm], cache: 5000 },
})

interface Claims {
  aud: string
  sid: string
}

/** The text of a statement of the service, and the positions of its named parameters, for the driver. */
async function statementOf(issue: (store: Store) => Promise<unknown>, markers: Record<string, unknown>) {
  let seen: { text: string; names: string[] } | undefined
  const spied = postgres(url, {
    max: 1,
    fetch_types: false,
    debug: (_connection, text, values) => {
      const names = values.map(
        (value) => Object.keys(markers).find((name) => markers[name] === value) ?? `? ${value}`,
      )
      seen = { text, names }
    },
  })
  await issue(storesOn(spied).forProject(nobody.projectId))
  await spied.end()
  if (!seen) throw new Error('The statement was not seen.')
  const { text, names } = seen
  return (named: Record<string, unknown>) =>
    pool.unsafe(text, names.map((name) => named[name]) as never[], { prepare: true }).values()
}

const nobody = {
  id: '00000000-0000-4000-8000-000000000001',
  projectId: '00000000-0000-4000-8000-000000000002',
}
const canonical = { client: 'canonical', adoptsFormer: false } as const
const lookMarkers = { ...nobody }
const rotateMarkers = { ...nobody, generation: 77, refreshSeconds: 78, unverifiedAllowed: true, ...canonical }
const look = await statementOf((store) => findSession(store, nobody.id), lookMarkers)
const rotate = await statementOf(
  (store) => rotateSession(store, { ...rotateMarkers, by: canonical }),
  rotateMarkers,
)

function claimsOf(header: string | undefined): Claims {
  return app.jwt.verify<Claims>(header?.slice('Bearer '.length) ?? '')
}

function presented(body: unknown): RefreshClaims {
  const claims = readRefreshToken(refreshKeys, (body as { refresh_token: string }).refresh_token)
  if (!claims) throw new Error('This is no refresh token.')
  return claims
}

function printed(projectId: string, { sessionId, generation }: RefreshClaims) {
  const next = { sessionId, generation: generation + 1 }
  const iat = Math.floor(Date.now() / 1000)
  return {
    access_token: app.jwt.sign({ sub: sessionId, aud: projectId, sid: sessionId, iat, exp: iat + 900 }),
    refresh_token: printRefreshToken(refreshKeys[0], next),
  }
}

const rotationOf = (projectId: string, { sessionId, generation }: RefreshClaims) => ({
  id: sessionId,
  projectId,
  generation,
  refreshSeconds: 2_592_000,
  ...canonical,
  unverifiedAllowed: true,
})

app.get('/constant', async () => ({ ok: true }))

const instant = '2026-01-01T00:00:00.000Z'
const user = {
  id: 1234,
  uuid: nobody.id,
  email: 'user-1234@example.com',
  display_name: 'User 1234',
  email_verified_at: instant,
  metadata: {},
  first_name: 'User',
  last_name: 'Number 1234',
  role: 'user',
  provider: 'password',
  avatar_url: null,
  created_at: instant,
}
const schema = { response: { 200: Type.Object({ user: User }) } }
app.get('/answer/constant', { schema }, async () => ({ user }))

app.get('/me', async (request, reply) => {
  const { aud, sid } = claimsOf(request.headers.authorization)
  const found = await findSession(stores.forProject(aud), sid)
  return found ? { id: found.user.id } : reply.code(401).send({})
})

app.get('/driver/me', async (request, reply) => {
  const { aud, sid } = claimsOf(request.headers.authorization)
  const [row] = await look({ projectId: aud, id: sid })
  return row ? { id: row[0] } : reply.code(401).send({})
})

app.post('/refresh', async (request, reply) => {
  const projectId = String(request.headers['project-id'])
  const claims = presented(request.body)
  const rotated = await rotateSession(stores.forProject(projectId), {
    ...rotationOf(projectId, claims),
    by: canonical,
  })
  return rotated ? printed(projectId, claims) : reply.code(401).send({})
})

app.post('/driver/refresh', async (request, reply) => {
  const projectId = String(request.headers['project-id'])
  const claims = presented(request.body)
  const [row] = await rotate(rotationOf(projectId, claims))
  return row ? printed(projectId, claims) : reply.code(401).send({})
})

await app.listen({ host: '127.0.0.1', port: Number(port) })
process.once('SIGTERM', async () => {
  await app.close()
  await pool.end({ timeout: 5 })
})
