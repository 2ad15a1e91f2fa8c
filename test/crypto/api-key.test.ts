// API keys: told by form and checksum without a query, and minted so that no two are alike.
import { crc32 } from 'node:zlib'
import t from 'tap'
import { mintApiKey, readApiKey } from '../../src/crypto/api-key.ts'
import { hashSecret } from '../../src/crypto/secrets.ts'

t.test('a key has the documented form, and reads back as what rests of it', async (t) => {
  for (let round = 0; round < 200; round++) {
    const { plain, prefix, hash } = mintApiKey()
    t.match(plain, /^uak_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/)
    t.equal(prefix, plain.slice(0, 16))
    t.same(hash, hashSecret(plain))
    t.same(readApiKey(plain), { prefix, hash })
  }
})

t.test('a key of another maker is read by the documented form alone', async (t) => {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  const body = `uak_${'0'.repeat(12)}_${'z'.repeat(43)}`
  let left = BigInt(crc32(body))
  let sum = ''
  for (; left > 0n; left /= 62n) sum = digits[Number(left % 62n)] + sum
  t.ok(readApiKey(body + sum.padStart(6, '0')))
})

t.test('no two keys are alike, and every character is in use', async (t) => {
  const keys = Array.from({ length: 2000 }, () => mintApiKey())
  t.equal(new Set(keys.map(({ prefix }) => prefix)).size, keys.length)
  t.equal(new Set(keys.map(({ plain }) => plain.slice(17))).size, keys.length)
  t.equal(new Set(keys.flatMap(({ plain }) => [...plain.slice(17)])).size, 62)
})

t.test('one wrong character, one too few or one too many is no key', async (t) => {
  const { plain } = mintApiKey()
  for (let at = 0; at < plain.length; at++) {
    const other = plain[at] === 'a' ? 'b' : 'a'
    t.equal(readApiKey(plain.slice(0, at) + other + plain.slice(at + 1)), null, `character ${at}`)
    t.equal(readApiKey(plain.slice(0, at)), null, `${at} characters`)
    t.equal(readApiKey(plain.slice(0, at) + plain.slice(at + 1)), null, `without character ${at}`)
  }
  for (const junk of [
    `${plain} `,
    ` ${plain}`,
    `${plain}\n`,
    `${plain}\0`,
    `${plain}x`,
    `${plain}, ${plain}`,
    plain.toUpperCase(),
    plain.replace('uak_', 'uаk_'),
    plain.replaceAll('_', '-'),
    `uak_${'a'.repeat(10_000)}`,
    'uak_',
    '',
  ])
    t.equal(readApiKey(junk), null, JSON.stringify(junk.slice(0, 40)))
})
