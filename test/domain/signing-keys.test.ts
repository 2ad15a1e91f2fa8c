// Signing keys: sealed at rest, opened only by the secret that sealed them, rotated one step at a time.
import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import t from 'tap'
import { privatePem } from '../../src/crypto/signing-key.ts'
import { createSigningKeys, SealedKeyError } from '../../src/domain/signing-keys.ts'
import { createStore } from '../../src/repositories/store.ts'
import { createDatabase, unwalled } from '../support/database.ts'

const sealingKey = randomBytes(32)
const atOnce = { currentSeconds: 0, nextSeconds: 0 }

async function freshRing(t: Parameters<typeof createDatabase>[0]) {
  const sql = postgres(await createDatabase(t), { max: 10, onnotice: () => {} })
  t.teardown(() => sql.end())
  const store = createStore(unwalled(sql))
  return { sql, store, keys: createSigningKeys(store, [sealingKey]) }
}

const states = (ring: readonly { state: string }[]) => ring.map(({ state }) => state).sort()

t.test(
  'the first start makes the key that signs and the next one, every later start opens them',
  async (t) => {
    const { keys } = await freshRing(t)
    const made = await keys.open()
    t.same(states(made), ['current', 'next'])
    t.same(await keys.open(), made)
  },
)

t.test('many first starts at once make one pair', async (t) => {
  const { store, keys } = await freshRing(t)
  const rings = await Promise.all(Array.from({ length: 8 }, () => keys.open()))
  t.equal(new Set(rings.map((ring) => ring.find(({ state }) => state === 'current')?.kid)).size, 1)
  t.equal((await store.everywhere.signingKeys.list()).length, 2)
})

t.test('nothing of the private half rests in the clear', async (t) => {
  const { sql, keys } = await freshRing(t)
  for (const made of await keys.open()) {
    const [row] = await sql`select public_jwk, sealed_private_key from signing_keys where kid = ${made.kid}`
    t.same(Object.keys(row?.public_jwk).sort(), ['crv', 'kty', 'x'])
    t.equal(Buffer.from(row?.sealed_private_key).indexOf(made.privateKey.subarray(-32)), -1)
    t.ok(privatePem(made.privateKey).startsWith('-----BEGIN PRIVATE KEY-----'))
  }
})

t.test('another SECRET_KEY opens nothing, makes nothing and says what to do', async (t) => {
  const { sql, store, keys } = await freshRing(t)
  await keys.open()
  await sql`delete from signing_keys where state = 'next'`
  const stranger = createSigningKeys(store, [randomBytes(32)])
  for (const act of [() => stranger.open(), () => stranger.reseal()]) {
    const error = await act().catch((thrown: unknown) => thrown)
    t.ok(error instanceof SealedKeyError)
    t.match((error as Error).message, /SECRET_KEY.*SECRET_KEY_PREVIOUS/)
  }
  t.equal((await store.everywhere.signingKeys.list()).length, 1)
})

t.test('SECRET_KEY_PREVIOUS opens what the older secret sealed, until it is sealed anew', async (t) => {
  const { store, keys } = await freshRing(t)
  const made = await keys.open()
  const newer = randomBytes(32)
  const both = createSigningKeys(store, [newer, sealingKey])
  t.same(await both.open(), made)
  await t.rejects(createSigningKeys(store, [newer]).open(), SealedKeyError)
  t.equal(await both.reseal(), 2)
  t.equal(await both.reseal(), 0, 'only once')
  t.same(await createSigningKeys(store, [newer]).open(), made)
  await t.rejects(keys.open(), SealedKeyError)
})

t.test('a sealed key that was put under another name stays closed', async (t) => {
  const { sql, keys } = await freshRing(t)
  await keys.open()
  await sql`update signing_keys set kid = 'another' where state = 'current'`
  await t.rejects(keys.open(), SealedKeyError)
})

t.test(
  'a rotation lets the next key sign, keeps the one before for reading, and makes a next one',
  async (t) => {
    const { keys } = await freshRing(t)
    const before = await keys.open()
    t.equal(await keys.rotate(atOnce), true)
    const after = await keys.open()
    const kid = (ring: typeof after, state: string) => ring.find((key) => key.state === state)?.kid
    t.same(states(after), ['current', 'next', 'previous'])
    t.equal(kid(after, 'current'), kid(before, 'next'))
    t.equal(kid(after, 'previous'), kid(before, 'current'))
    t.notOk(before.some((key) => key.kid === kid(after, 'next')))
  },
)

t.test('a key signs after it was published long enough, and as long as it is due', async (t) => {
  const { sql, keys } = await freshRing(t)
  await keys.open()
  const due = { currentSeconds: 3600, nextSeconds: 600 }
  t.equal(await keys.rotate(due), false)
  await sql`update signing_keys set state_since = now() - interval '61 minutes' where state = 'current'`
  t.equal(await keys.rotate(due), false, 'the next one is too young')
  await sql`update signing_keys set state_since = now() - interval '11 minutes' where state = 'next'`
  t.equal(await keys.rotate(due), true)
  t.equal(await keys.rotate(due), false)
  t.same(states(await keys.open()), ['current', 'next', 'previous'])
})

t.test('instances that rotate on schedule at once rotate once', async (t) => {
  const { sql, keys } = await freshRing(t)
  await keys.open()
  await sql`update signing_keys set state_since = now() - interval '1 day'`
  const due = { currentSeconds: 3600, nextSeconds: 600 }
  const done = await Promise.all(Array.from({ length: 8 }, () => keys.rotate(due)))
  t.equal(done.filter(Boolean).length, 1)
  t.same(states(await keys.open()), ['current', 'next', 'previous'])
})

t.test('a previous key goes when its last token is gone, and not before', async (t) => {
  const { sql, keys } = await freshRing(t)
  await keys.open()
  await keys.rotate(atOnce)
  await sql`update signing_keys set state_since = now() - interval '7 days 1 hour' where state = 'previous'`
  t.equal(await keys.retire(), 0)
  await sql`update signing_keys set state_since = now() - interval '8 days 1 hour'`
  t.equal(await keys.retire(), 1)
  t.same(states(await keys.open()), ['current', 'next'])
})
