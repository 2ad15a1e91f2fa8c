// Signing keys: made once, sealed at rest, opened only by the secret that sealed them.
import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import t from 'tap'
import { privatePem } from '../../src/crypto/signing-key.ts'
import { openSigningKeys, SealedKeyError } from '../../src/domain/signing-keys.ts'
import { createStore } from '../../src/repositories/store.ts'
import { createDatabase } from '../support/database.ts'

async function freshStore(t: Parameters<typeof createDatabase>[0]) {
  const sql = postgres(await createDatabase(t), { max: 10, onnotice: () => {} })
  t.teardown(() => sql.end())
  return { sql, store: createStore(sql) }
}

const sealingKey = randomBytes(32)

t.test('the first start makes the key that signs, every later one opens it', async (t) => {
  const { store } = await freshStore(t)
  const made = await openSigningKeys(store, [sealingKey])
  t.equal(made.length, 1)
  t.equal(made[0]?.state, 'current')
  const opened = await openSigningKeys(store, [sealingKey])
  t.same(opened, made)
})

t.test('many first starts at once make one key', async (t) => {
  const { store } = await freshStore(t)
  const rings = await Promise.all(Array.from({ length: 8 }, () => openSigningKeys(store, [sealingKey])))
  t.equal(new Set(rings.map((ring) => JSON.stringify(ring))).size, 1)
  t.equal((await store.signingKeys.list()).length, 1)
})

t.test('nothing of the private half rests in the clear', async (t) => {
  const { sql, store } = await freshStore(t)
  const [made] = await openSigningKeys(store, [sealingKey])
  if (!made) throw new Error('A key was made.')
  const [row] = await sql`select public_jwk, sealed_private_key from signing_keys`
  t.same(Object.keys(row?.public_jwk).sort(), ['crv', 'kty', 'x'])
  const secret = made.privateKey.subarray(-32)
  t.equal(Buffer.from(row?.sealed_private_key).indexOf(secret), -1)
  t.ok(privatePem(made.privateKey).startsWith('-----BEGIN PRIVATE KEY-----'))
})

t.test('another SECRET_KEY opens nothing, makes nothing and says what to do', async (t) => {
  const { store } = await freshStore(t)
  await openSigningKeys(store, [sealingKey])
  const error = await openSigningKeys(store, [randomBytes(32)]).catch((thrown: unknown) => thrown)
  t.ok(error instanceof SealedKeyError)
  t.match((error as Error).message, /SECRET_KEY.*SECRET_KEY_PREVIOUS/)
  t.equal((await store.signingKeys.list()).length, 1)
})

t.test('SECRET_KEY_PREVIOUS opens what the older secret sealed', async (t) => {
  const { store } = await freshStore(t)
  const made = await openSigningKeys(store, [sealingKey])
  t.same(await openSigningKeys(store, [randomBytes(32), sealingKey]), made)
})

t.test('a sealed key that was put under another name stays closed', async (t) => {
  const { sql, store } = await freshStore(t)
  await openSigningKeys(store, [sealingKey])
  await sql`update signing_keys set kid = 'another'`
  await t.rejects(openSigningKeys(store, [sealingKey]), SealedKeyError)
})
