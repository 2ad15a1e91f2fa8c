// Minted secrets, short codes, keyed hashes and derived keys; their primitives on RFC 4231 and RFC 5869.
import { createHash, createHmac } from 'node:crypto'
import t from 'tap'
import {
  deriveKey,
  deriveSecret,
  hashSecret,
  keyedHash,
  matchesSecret,
  mintSecret,
} from '../../src/crypto/secrets.ts'

const hex = (text: string) => Buffer.from(text, 'hex')
const hmac = (key: Buffer, data: Buffer) => createHmac('sha256', key).update(data).digest()

t.test('HMAC-SHA256 gives the answers of RFC 4231', async (t) => {
  const cases: [key: Buffer, data: Buffer, mac: string][] = [
    [
      Buffer.alloc(20, 0x0b),
      Buffer.from('Hi There'),
      'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    ],
    [
      Buffer.from('Jefe'),
      Buffer.from('what do ya want for nothing?'),
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    [
      Buffer.alloc(20, 0xaa),
      Buffer.alloc(50, 0xdd),
      '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
    ],
    [
      Buffer.alloc(131, 0xaa),
      Buffer.from('Test Using Larger Than Block-Size Key - Hash Key First'),
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
  ]
  for (const [key, data, mac] of cases) t.equal(hmac(key, data).toString('hex'), mac)
})

t.test('a keyed hash is HMAC-SHA256 over its parts, each behind its length in bytes', async (t) => {
  const key = Buffer.alloc(32, 7)
  t.same(keyedHash(key, 'code', 'ä'), hmac(key, Buffer.from('4:code2:ä')))
  t.same(keyedHash(key), hmac(key, Buffer.alloc(0)))
})

t.test('no two lists of parts share a keyed hash', async (t) => {
  const key = Buffer.alloc(32, 7)
  const lists = [['ab', 'c'], ['a', 'bc'], ['abc'], ['abc', ''], ['', 'abc'], ['2:ab1:c'], ['a', 'b', 'c']]
  const seen = new Set(lists.map((list) => keyedHash(key, ...list).toString('hex')))
  t.equal(seen.size, lists.length)
  t.notSame(keyedHash(key, 'a'), keyedHash(Buffer.alloc(32, 8), 'a'), 'the key matters')
})

/** HKDF-SHA256 as RFC 5869 §2 writes it, by HMAC alone. */
function hkdf(secret: Buffer, salt: Buffer, info: Buffer, length: number): Buffer {
  const prk = hmac(salt.length > 0 ? salt : Buffer.alloc(32), secret)
  let block: Buffer = Buffer.alloc(0)
  let output: Buffer = Buffer.alloc(0)
  for (let i = 1; output.length < length; i++) {
    block = hmac(prk, Buffer.concat([block, info, Buffer.from([i])]))
    output = Buffer.concat([output, block])
  }
  return output.subarray(0, length)
}

t.test('a derived key is HKDF-SHA256 of RFC 5869 without salt, with the use as info', async (t) => {
  // RFC 5869 A.1 and A.3 (no salt, as ours): the formula above is the standard's.
  t.equal(
    hkdf(Buffer.alloc(22, 0x0b), hex('000102030405060708090a0b0c'), hex('f0f1f2f3f4f5f6f7f8f9'), 42).toString(
      'hex',
    ),
    '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  )
  t.equal(
    hkdf(Buffer.alloc(22, 0x0b), Buffer.alloc(0), Buffer.alloc(0), 42).toString('hex'),
    '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
  )
  const master = Buffer.from('a master secret of thirty-two bytes, or more')
  for (const use of ['refresh', 'seal', 'lookup'])
    t.same(deriveKey(master, use), hkdf(master, Buffer.alloc(0), Buffer.from(`sallyport/${use}`), 32))
  t.notSame(deriveKey(master, 'seal'), deriveKey(master, 'refresh'), 'one use tells nothing of another')
})

t.test('a minted secret is 256 random bits behind its prefix, and only its SHA-256 rests', async (t) => {
  const minted = Array.from({ length: 50 }, () => mintSecret('verification'))
  t.equal(new Set(minted.map(({ plain }) => plain)).size, 50)
  for (const { plain, hash } of minted) {
    t.match(plain, /^svt_[A-Za-z0-9_-]{43}$/)
    t.same(hash, createHash('sha256').update(plain).digest())
    t.same(hash, hashSecret(plain))
  }
  t.match(mintSecret('project').plain, /^sps_[A-Za-z0-9_-]{43}$/)
})

t.test('only the secret itself matches its hash', async (t) => {
  const { plain, hash } = mintSecret('project')
  t.ok(matchesSecret(plain, hash))
  for (const other of ['', ` ${plain}`, plain.slice(0, -1), plain.toLowerCase(), mintSecret('project').plain])
    t.notOk(matchesSecret(other, hash))
})

t.test('a derived secret and its code follow from key, kind and seed, and from nothing else', async (t) => {
  const key = Buffer.alloc(32, 7)
  const one = deriveSecret('verification', key, 'project', 'purpose', 'seed')
  t.match(one.plain, /^svt_[A-Za-z0-9_-]{43}$/)
  t.same(one.hash, hashSecret(one.plain))
  t.same(deriveSecret('verification', key, 'project', 'purpose', 'seed'), one)
  for (const other of [
    deriveSecret('verification', key, 'project', 'purpose', 'seee'),
    deriveSecret('verification', key, 'project', 'purposes', 'eed'),
    deriveSecret('verification', Buffer.alloc(32, 8), 'project', 'purpose', 'seed'),
  ])
    t.not(other.plain, one.plain)
})

t.test('a short code is six digits, the leading zeros included, and evenly spread', async (t) => {
  const key = Buffer.alloc(32, 9)
  const codes = Array.from({ length: 2000 }, (_, i) => deriveSecret('verification', key, String(i)).code)
  t.ok(codes.every((code) => /^\d{6}$/.test(code)))
  t.ok(codes.some((code) => code.startsWith('0')))
  t.ok(new Set(codes).size > 1950)
  for (let digit = 0; digit < 10; digit++) {
    const share = codes.filter((code) => code.startsWith(String(digit))).length
    t.ok(share > 120 && share < 280, `${share} of 2000 begin with ${digit}`)
  }
})
