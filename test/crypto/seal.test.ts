// What is sealed opens with its key and its context, and with nothing else.
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { seal, unseal } from '../../src/crypto/seal.ts'

const key = randomBytes(32)
const plain = Buffer.from('a private key, or something like it')

t.test('AES-256-GCM of NIST: the published test case 14 opens', async (t) => {
  // McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B; our layout is iv, tag, text.
  const sealed = Buffer.concat([
    Buffer.alloc(12),
    Buffer.from('d0d1c8a799996bf0265b98b5d48ab919', 'hex'),
    Buffer.from('cea7403d4d606b6e074ec5d3baf39d18', 'hex'),
  ])
  t.same(unseal([Buffer.alloc(32)], sealed, ''), Buffer.alloc(16))
})

t.test('what was sealed opens again, the empty text included', async (t) => {
  t.same(unseal([key], seal(key, plain, 'context'), 'context'), plain)
  t.same(unseal([key], seal(key, Buffer.alloc(0), 'context'), 'context'), Buffer.alloc(0))
})

t.test('sealing twice gives two texts, so equal rows do not show', async (t) => {
  t.notSame(seal(key, plain, 'context'), seal(key, plain, 'context'))
})

t.test('any flipped bit keeps it closed', async (t) => {
  const sealed = seal(key, plain, 'context')
  let opened = 0
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const changed = Buffer.from(sealed)
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    if (unseal([key], changed, 'context')) opened++
  }
  t.equal(opened, 0)
})

t.test('any length that was cut off keeps it closed', async (t) => {
  const sealed = seal(key, plain, 'context')
  for (let length = 0; length < sealed.length; length++)
    if (unseal([key], sealed.subarray(0, length), 'context')) t.fail(`opened at ${length} bytes`)
  t.equal(unseal([key], Buffer.concat([sealed, Buffer.alloc(1)]), 'context'), null, 'and so does more')
})

t.test('another context keeps it closed: a row cannot be moved', async (t) => {
  const sealed = seal(key, plain, 'signing-key/a')
  for (const context of ['signing-key/b', 'signing-key/', '', 'signing-key/a '])
    t.equal(unseal([key], sealed, context), null, JSON.stringify(context))
})

t.test('another key keeps it closed, and the previous key opens it', async (t) => {
  const sealed = seal(key, plain, 'context')
  t.equal(unseal([randomBytes(32)], sealed, 'context'), null)
  t.equal(unseal([], sealed, 'context'), null)
  t.same(unseal([randomBytes(32), key], sealed, 'context'), plain)
})
