// A refresh token is read back only as it was printed, by a key that printed it.
import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import t from 'tap'
import { printRefreshToken, readRefreshToken, refreshKey } from '../../src/crypto/refresh-secret.ts'

const key = refreshKey(randomBytes(32))
const claims = { sessionId: '0123abcd-4567-4def-89ab-0fedcba98765', generation: 7 }
const token = printRefreshToken(key, claims)

t.test('what was printed is read back, for every generation that fits', async (t) => {
  for (const generation of [1, 2, 255, 256, 2 ** 31, 2 ** 32 - 1]) {
    const printed = { sessionId: randomUUID(), generation }
    t.same(readRefreshToken([key], printRefreshToken(key, printed)), printed)
  }
})

t.test('the same generation is always the same token, another generation another', async (t) => {
  t.equal(printRefreshToken(key, claims), token)
  t.not(printRefreshToken(key, { ...claims, generation: 8 }), token)
  t.not(printRefreshToken(key, { ...claims, sessionId: randomUUID() }), token)
})

t.test('the form is the one that the design and the contract promise', async (t) => {
  t.match(token, /^srt_[A-Za-z0-9_-]{71}$/)
  t.ok(token.length >= 40)
  const bytes = Buffer.from(token.slice(4), 'base64url')
  t.equal(bytes.length, 53)
  t.equal(bytes[0], key.id)
  t.equal(bytes.subarray(1, 17).toString('hex'), claims.sessionId.replaceAll('-', ''))
  t.equal(bytes.readUInt32BE(17), 7)
  t.same(bytes.subarray(21), createHmac('sha256', key.key).update(bytes.subarray(0, 21)).digest())
})

t.test('every flipped bit is refused', async (t) => {
  const bytes = Buffer.from(token.slice(4), 'base64url')
  let read = 0
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes)
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    if (readRefreshToken([key], `srt_${changed.toString('base64url')}`)) read++
  }
  t.equal(read, 0)
})

t.test('another spelling of the same bytes is refused: one token, one string', async (t) => {
  const body = token.slice(4)
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  // 53 bytes leave unused bits in the last character: its neighbours decode to the same bytes.
  const last = alphabet.indexOf(body.at(-1) ?? '')
  for (let unused = 1; unused < 4; unused++)
    t.equal(readRefreshToken([key], `srt_${body.slice(0, -1)}${alphabet[last ^ unused]}`), null)
  const spellings = [
    `${token}=`,
    `${token}==`,
    ` ${token}`,
    `${token} `,
    `${token}\n`,
    `srt_${body.slice(0, 10)}\n${body.slice(10)}`,
    `srt_${Buffer.from(body, 'base64url').toString('base64')}`,
  ]
  for (const spelling of spellings)
    if (spelling !== token) t.equal(readRefreshToken([key], spelling), null, JSON.stringify(spelling))
})

t.test('junk is refused, and costs no query', async (t) => {
  const body = token.slice(4)
  for (const junk of ['', 'srt_', body, `SRT_${body}`, `srt_${body.slice(0, -1)}`, `${token}A`, 'srt_💥'])
    t.equal(readRefreshToken([key], junk), null, JSON.stringify(junk))
})

t.test('a token of another key is refused, even under the same key id', async (t) => {
  t.equal(readRefreshToken([refreshKey(randomBytes(32))], token), null)
  t.equal(readRefreshToken([{ id: key.id, key: randomBytes(32) }], token), null)
  t.equal(readRefreshToken([], token), null)
})

t.test('a token of the previous key is read', async (t) => {
  t.same(readRefreshToken([refreshKey(randomBytes(32)), key], token), claims)
  const twin = { id: key.id, key: randomBytes(32) }
  t.same(readRefreshToken([twin, key], token), claims, 'also where both keys have the same one-byte id')
})
