// argon2id on the vectors of its reference implementation, in both bindings.
import t from 'tap'
import {
  type Argon2,
  defaultParameters,
  isCurrent,
  loadArgon2,
  loadFaster,
  loadReference,
  passwordBytes,
} from '../../src/crypto/passwords.ts'

// github.com/P-H-C/phc-winner-argon2, src/test.c, Argon2id, version 0x13.
const vectors: readonly [password: string, phc: string][] = [
  ['password', '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'],
  ['password', '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'],
  ['password', '$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc'],
  ['password', '$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg'],
  ['password', '$argon2id$v=19$m=65536,t=4,p=1$c29tZXNhbHQ$kCXUjmjvc5XMqQedpMTsOv+zyJEf5PhtGiUghW9jFyw'],
  [
    'differentpassword',
    '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94',
  ],
  ['password', '$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw'],
]

const bindings: Argon2[] = [await loadReference()]
const faster = await loadFaster().catch(() => null)
if (faster) bindings.push(faster)

for (const argon2 of bindings) {
  t.test(`${argon2.binding} agrees with the reference implementation`, async (t) => {
    for (const [password, phc] of vectors) {
      t.ok(await argon2.verify(phc, Buffer.from(password)), phc)
      t.notOk(await argon2.verify(phc, Buffer.from(`${password}x`)), 'another password does not fit')
    }
  })

  t.test(`${argon2.binding} hashes in PHC form with the given parameters and a fresh salt`, async (t) => {
    const parameters = { memoryKib: 1024, passes: 3, lanes: 2 }
    const [one = '', two = ''] = await Promise.all([
      argon2.hash(Buffer.from('password'), parameters),
      argon2.hash(Buffer.from('password'), parameters),
    ])
    t.match(one, /^\$argon2id\$v=19\$m=1024,t=3,p=2\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    t.not(one, two)
    t.ok(isCurrent(one, parameters))
  })

  t.test(`${argon2.binding} says no, and does not throw, to what is no hash`, async (t) => {
    for (const junk of ['', 'x', '$argon2id$v=19$m=256', '$2b$10$abcdefghijklmnopqrstuv', '\0'])
      t.equal(await argon2.verify(junk, Buffer.from('password')), false, JSON.stringify(junk))
  })

  t.test(`${argon2.binding} tells passwords apart that differ in their 300th byte alone`, async (t) => {
    const long = 'é'.repeat(255)
    const phc = await argon2.hash(passwordBytes(long), { memoryKib: 64, passes: 1, lanes: 1 })
    t.ok(await argon2.verify(phc, passwordBytes(long)))
    t.notOk(await argon2.verify(phc, passwordBytes(`${'é'.repeat(254)}e`)))
    t.notOk(await argon2.verify(phc, passwordBytes('é'.repeat(254))))
  })
}

t.test(
  'a hash made by one binding is verified by the other',
  { skip: !faster && 'no prebuilt @node-rs/argon2 loads here' },
  async (t) => {
    for (const [maker, reader] of [bindings, [...bindings].reverse()] as [Argon2, Argon2][]) {
      const phc = await maker.hash(passwordBytes('Påsswörd 🔑'), defaultParameters)
      t.ok(await reader.verify(phc, passwordBytes('Påsswörd 🔑')), `${maker.binding} → ${reader.binding}`)
      t.notOk(await reader.verify(phc, passwordBytes('Password 🔑')))
    }
  },
)

t.test('the faster binding is taken where it loads', async (t) => {
  t.equal((await loadArgon2()).binding, (faster ?? bindings[0])?.binding)
})

t.test('the default parameters are 19 MiB, two passes, one lane', async (t) => {
  t.same(defaultParameters, { memoryKib: 19_456, passes: 2, lanes: 1 })
})

t.test('a hash is current only with exactly the parameters in force', async (t) => {
  const phc = '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
  t.ok(isCurrent(phc, defaultParameters))
  for (const other of ['m=19457,t=2,p=1', 'm=19456,t=3,p=1', 'm=19456,t=2,p=2'])
    t.notOk(isCurrent(phc.replace('m=19456,t=2,p=1', other), defaultParameters), other)
  t.notOk(isCurrent(phc.replace('argon2id', 'argon2i'), defaultParameters))
  t.notOk(isCurrent(phc.replace('v=19', 'v=16'), defaultParameters))
  t.notOk(isCurrent('', defaultParameters))
})

t.test('a password is its NFKC form in UTF-8, untrimmed and uncut', async (t) => {
  t.same(passwordBytes('e\u0301'), passwordBytes('\u00e9'), 'combining and precomposed')
  t.same(passwordBytes('ｐａｓｓ'), Buffer.from('pass'), 'full width')
  t.same(passwordBytes('ﬁ'), Buffer.from('fi'), 'ligature')
  t.same(passwordBytes('  x\t'), Buffer.from('  x\t'))
  t.equal(passwordBytes('🔑'.repeat(255)).length, 4 * 255)
})
