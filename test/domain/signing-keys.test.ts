// Signing keys: sealed at rest, opened only by the secret that sealed them, rotated one step at a time.
import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import t from 'tap'
import { privatePem } from '../../src/crypto/signing-key.ts'
import {
  openSigningKeys,
  resealSigningKeys,
  retireSigningKeys,
  rotateSigningKeys,
  SealedKeyError,
} from '../../src/domain/signing-keys/signing-keys.ts'
import { listSigningKeys } from '../../src/repositories/signing-keys/signing-keys.ts'
import { createDatabase, storesOn } from '../support/database.ts'

const sealingKey = randomBytes(32)
const atOnce = { currentSeconds: 0, nextSeconds: 0 }

async function freshDatabase(t: Parameters<typeof createDatabase>[0]) {
  const sql = postgres(await createDatabase(t), { max: 10, onnotice: () => {} })
  t.teardown(() => sql.end())
  const stores = storesOn(sql)
  const sealedUnder = (...sealing: [Buffer, ...Buffer[]]) => ({ stores, keys: { sealing } })
  return { sql, stores, sealedUnder, services: sealedUnder(sealingKey) }
}

const states = (ring: readonly { state: string }[]) => ring.map(({ state }) => state).sort()

t.test(
  'the first start makes the key that signs and the next one, every later start opens them',
  async (t) => {
    const { services } = await freshDatabase(t)
    const made = await openSigningKeys(services)
    t.same(states(made), ['current', 'next'])
    t.same(await openSigningKeys(services), made)
  },
)

t.test('many first starts at once make one pair', async (t) => {
  const { stores, services } = await freshDatabase(t)
  const rings = await Promise.all(Array.from({ length: 8 }, () => openSigningKeys(services)))
  t.equal(new Set(rings.map((ring) => ring.find(({ state }) => state === 'current')?.kid)).size, 1)
  t.equal((await listSigningKeys(stores.unscoped)).length, 2)
})

t.test('nothing of the private half rests in the clear', async (t) => {
  const { sql, services } = await freshDatabase(t)
  for (const made of await openSigningKeys(services)) {
    const [row] =
      await sql`select public_jwk, sealed_private_key from jwt_signing_keys where kid = ${made.kid}`
    t.same(Object.keys(row?.public_jwk).sort(), ['crv', 'kty', 'x', 'y'])
    t.equal(Buffer.from(row?.sealed_private_key).indexOf(made.privateKey.subarray(-32)), -1)
    t.ok(privatePem(made.privateKey).startsWith('-----BEGIN PRIVATE KEY-----'))
  }
})

t.test('another SECRET_KEY opens nothing, makes nothing and says what to do', async (t) => {
  const { sql, stores, sealedUnder, services } = await freshDatabase(t)
  await openSigningKeys(services)
  await sql`delete from jwt_signing_keys where state = 'next'`
  const stranger = sealedUnder(randomBytes(32))
  for (const act of [() => openSigningKeys(stranger), () => resealSigningKeys(stranger)]) {
    const error = await act().catch((thrown: unknown) => thrown)
    t.ok(error instanceof SealedKeyError)
    t.match((error as Error).message, /SECRET_KEY.*SECRET_KEY_PREVIOUS/)
  }
  t.equal((await listSigningKeys(stores.unscoped)).length, 1)
})

t.test('SECRET_KEY_PREVIOUS opens what the older secret sealed, until it is sealed anew', async (t) => {
  const { sealedUnder, services } = await freshDatabase(t)
  const made = await openSigningKeys(services)
  const newer = randomBytes(32)
  const both = sealedUnder(newer, sealingKey)
  t.same(await openSigningKeys(both), made)
  await t.rejects(openSigningKeys(sealedUnder(newer)), SealedKeyError)
  t.equal(await resealSigningKeys(both), 2)
  t.equal(await resealSigningKeys(both), 0, 'only once')
  t.same(await openSigningKeys(sealedUnder(newer)), made)
  await t.rejects(openSigningKeys(services), SealedKeyError)
})

t.test('a sealed key that was put under another name stays closed', async (t) => {
  const { sql, services } = await freshDatabase(t)
  await openSigningKeys(services)
  await sql`update jwt_signing_keys set kid = 'another' where state = 'current'`
  await t.rejects(openSigningKeys(services), SealedKeyError)
})

t.test(
  'a rotation lets the next key sign, keeps the one before for reading, and makes a next one',
  async (t) => {
    const { services } = await freshDatabase(t)
    const before = await openSigningKeys(services)
    t.equal(await rotateSigningKeys(services, atOnce), true)
    const after = await openSigningKeys(services)
    const kid = (ring: typeof after, state: string) => ring.find((key) => key.state === state)?.kid
    t.same(states(after), ['current', 'next', 'previous'])
    t.equal(kid(after, 'current'), kid(before, 'next'))
    t.equal(kid(after, 'previous'), kid(before, 'current'))
    t.notOk(before.some((key) => key.kid === kid(after, 'next')))
  },
)

t.test('a key signs after it was published long enough, and as long as it is due', async (t) => {
  const { sql, services } = await freshDatabase(t)
  await openSigningKeys(services)
  const due = { currentSeconds: 3600, nextSeconds: 600 }
  t.equal(await rotateSigningKeys(services, due), false)
  await sql`update jwt_signing_keys set state_since = now() - interval '61 minutes' where state = 'current'`
  t.equal(await rotateSigningKeys(services, due), false, 'the next one is too young')
  await sql`update jwt_signing_keys set state_since = now() - interval '11 minutes' where state = 'next'`
  t.equal(await rotateSigningKeys(services, due), true)
  t.equal(await rotateSigningKeys(services, due), false)
  t.same(states(await openSigningKeys(services)), ['current', 'next', 'previous'])
})

t.test(
  'the first key beside keys of another algorithm waits for instances of the version before',
  async (t) => {
    const { sql, services } = await freshDatabase(t)
    await openSigningKeys(services)
    await sql`with moved as (delete from jwt_signing_keys returning *)
    insert into signing_keys (kid, algorithm, state, public_jwk, sealed_private_key)
    select kid, 'EdDSA', state, public_jwk, sealed_private_key from moved`
    t.same(states(await openSigningKeys(services)), ['current', 'next', 'next'])
    const due = { currentSeconds: 3600, nextSeconds: 600, firstSeconds: 86_400 }
    await sql`update jwt_signing_keys set state_since = now() - interval '23 hours'`
    t.equal(await rotateSigningKeys(services, due), false)
    await sql`update jwt_signing_keys set state_since = now() - interval '25 hours'`
    t.equal(await rotateSigningKeys(services, due), true)
    t.equal(
      (await sql`select algorithm from jwt_signing_keys where state = 'current'`)[0]?.algorithm,
      'ES256',
    )
  },
)

t.test('instances that rotate on schedule at once rotate once', async (t) => {
  const { sql, services } = await freshDatabase(t)
  await openSigningKeys(services)
  await sql`update jwt_signing_keys set state_since = now() - interval '1 day'`
  const due = { currentSeconds: 3600, nextSeconds: 600 }
  const done = await Promise.all(Array.from({ length: 8 }, () => rotateSigningKeys(services, due)))
  t.equal(done.filter(Boolean).length, 1)
  t.same(states(await openSigningKeys(services)), ['current', 'next', 'previous'])
})

t.test('a previous key goes when its last token is gone, and not before', async (t) => {
  const { sql, services } = await freshDatabase(t)
  await openSigningKeys(services)
  await rotateSigningKeys(services, atOnce)
  await sql`update jwt_signing_keys set state_since = now() - interval '7 days 1 hour' where state = 'previous'`
  t.equal(await retireSigningKeys(services), 0)
  await sql`update jwt_signing_keys set state_since = now() - interval '8 days 1 hour'`
  t.equal(await retireSigningKeys(services), 1)
  t.same(states(await openSigningKeys(services)), ['current', 'next'])
})
