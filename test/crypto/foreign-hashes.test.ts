// Hashes of other products, on vectors that others published; each names its source.
import { execFileSync } from 'node:child_process'
import { createHash, pbkdf2Sync, scryptSync } from 'node:crypto'
import bcrypt from 'bcrypt'
import t from 'tap'
import {
  costOfHash,
  decoyHash,
  readForeignHash,
  verifyForeignHash,
} from '../../src/crypto/foreign/foreign-hashes.ts'
import type { ForeignHash } from '../../src/crypto/foreign/hash.ts'
import { readFirebase } from '../../src/crypto/foreign/scrypt.ts'

const openwall = 'crypt_blowfish 1.3, wrapper.c'
const django = 'Racum/rust-djangohashers, tests'
const passlib = 'passlib 1.7 documentation'
const aspNet = 'dotnet/aspnetcore, PasswordHasherTest.cs'
const drepper = 'Drepper, SHA-crypt 0.6, tests'
const vectors: readonly (readonly [
  source: string,
  hash: string,
  password: string | Buffer,
  hasher?: string,
])[] = [
  [django, 'bcrypt$$2b$12$LZSJchsWG/DrBy1erNs4ee31eJ7DaWiuwhDOC7aqIyqGGggfu6Y/.', 'ExjGmyUT73bFoT'],
  [django, 'argon2$argon2i$v=19$m=512,t=2,p=2$S1E4emVLNndLUnVS$RUET3AC8iXvcVPD2TRjvVQ', 'ExjGmyUT73bFoT'],
  [django, 'md5$KQ8zeK6wKRuR$0137e4d74cb2d9ed9cb1a5f391f6175e', 'ExjGmyUT73bFoT'],
  [django, 'pbkdf2_sha1$24000$KQ8zeK6wKRuR$tSJh4xdxfMJotlxfkCGjTFpGYZU=', 'ExjGmyUT73bFoT'],
  [openwall, '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 'U*U'],
  [openwall, '$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq', Buffer.from('a3', 'hex')],
  [openwall, '$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e', Buffer.from('a3', 'hex')],
  [openwall, '$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e', Buffer.from('ffffa3', 'hex')],
  [django, 'bcrypt_sha256$$2b$12$LZSJchsWG/DrBy1erNs4eeYo6tZNlLFQmONdxN9HPesa1EyXVcTXK', 'ExjGmyUT73bFoT'],
  [
    passlib,
    '$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2',
    'password',
  ],
  [
    'WordPress 6.8, the hash of its demonstration',
    '$wp$2y$10$Q1xinFjrZeLWJBvxviIL6u834Fu.evIEFHAUVisQ5O.w9Dm0sMdES',
    'admin',
  ],
  [
    passlib,
    '$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E',
    'password',
  ],
  [
    'RFC 7914 §12',
    `$scrypt$ln=10,r=8,p=16$TmFDbA$${Buffer.from('fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640', 'hex').toString('base64')}`,
    'password',
  ],
  [
    'RFC 6070, 4096 rounds',
    `$pbkdf2-sha1$i=4096$c2FsdA==$${Buffer.from('4b007901b765489abead49d926f721d065a429c1', 'hex').toString('base64')}`,
    'password',
  ],
  [
    'Django 1.4, tests',
    'pbkdf2_sha256$10000$seasalt$FQCNpiZpTb0zub+HBsH6TOwyRxJ19FwvjbweatNmK/Y=',
    'letmein',
  ],
  [aspNet, 'AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJg==', 'my password'],
  [
    aspNet,
    'AQAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw==',
    'my password',
  ],
  [aspNet, 'AQAAAAAAAAD6AAAAEAhftMyfTJylOlZT+eEotFXd1elee8ih5WsjXaR3PA9M', 'my password'],
  ['phpass 0.5, test.php', '$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0', 'test12345'],
  [drepper, '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5', 'Hello world!'],
  [
    drepper,
    '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
    'Hello world!',
  ],
  [
    'phc-winner-argon2, test.c (version 16)',
    '$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ',
    'password',
  ],
  [
    'phc-winner-argon2, test.c',
    '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4',
    'password',
  ],
  [
    'the same, in another order and padded',
    '$argon2id$v=19$t=2,p=1,m=256$c29tZXNhbHQ=$nf65EOgLrQMR_uIPnA4rEsF5h7TKyQwu9U1bMCHGi_4=',
    'password',
  ],
  ['hashcat example hashes, mode 111', '{SSHA}AZKja92fbuuB9SpRlHqaoXxbTc43Mzc2MDM1Ng==', 'hashcat'],
  ['hashcat example hashes, mode 10', '01dfae6e5d4d90d9892622325959afbe:7050461', 'hashcat', 'md5'],
  [
    'hashcat example hashes, mode 120',
    'cac35ec206d868b7d7cb0b55f31d9425b075082b:5363620024',
    'hashcat',
    'sha1_salt_first',
  ],
]

const take = (text: string, hasher?: string): ForeignHash => {
  const found = readForeignHash(text, { hasher, acceptsWeak: true })
  if (typeof found === 'string') throw new Error(`${text} ${found}`)
  return found
}

for (const [source, text, password, hasher] of vectors)
  t.test(`${source}: ${text.slice(0, 16)}`, async (t) => {
    const { stored, cost } = take(text, hasher)
    const bytes = Buffer.from(password as string)
    t.ok(await verifyForeignHash(stored, bytes), 'fits')
    t.notOk(await verifyForeignHash(stored, Buffer.concat([Buffer.from('x'), bytes])), 'another does not')
    t.equal(costOfHash(stored), cost, 'what is stored is read as itself')
    t.same(take(stored), { stored, cost })
    const decoy = decoyHash(cost) ?? ''
    t.equal(costOfHash(decoy), cost, 'a decoy takes the same work')
    t.notOk(await verifyForeignHash(decoy, bytes))
    t.not(decoyHash(cost), decoy)
  })

// firebase/scrypt, README.md
const firebase = {
  signerKey: Buffer.from(
    'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==',
    'base64',
  ),
  saltSeparator: Buffer.from('Bw==', 'base64'),
  rounds: 8,
  memCost: 14,
}
t.test('firebase/scrypt, README: its own vector, without the signer key at rest', async (t) => {
  const hash = 'lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=='
  const made = readFirebase(hash, '42xEC+ixf3L2lw==', firebase)
  if (!made || !('stored' in made)) throw new Error('refused')
  t.ok(await verifyForeignHash(made.stored, Buffer.from('user1password')))
  t.notOk(await verifyForeignHash(made.stored, Buffer.from('user2password')))
  t.same(take(made.stored), made)
  t.equal(costOfHash(decoyHash(made.cost) ?? ''), made.cost)
  t.notMatch(made.stored, firebase.signerKey.toString('base64').slice(0, 20))
})

t.test('salt:key of Node programs and of better-auth, which differ in r', async (t) => {
  const [password, salt] = ['correct horse', '0123456789abcdef0123456789abcdef']
  for (const [hasher, r] of [
    ['node_scrypt', 8],
    ['better_auth', 16],
  ] as const) {
    const key = scryptSync(password, salt, 64, { N: 16_384, r, p: 1, maxmem: 2 ** 27 })
    const { stored } = take(`${salt}:${key.toString('hex')}`, hasher)
    t.ok(await verifyForeignHash(stored, Buffer.from(password)), hasher)
  }
})

t.test('bcrypt over SHA-512 in base64, as Dropbox has described its own', async (t) => {
  const password =
    'a password that may be longer than seventy-two bytes, because it is hashed before: '.repeat(2)
  const inner = createHash('sha512').update(password).digest('base64')
  const { stored } = take(`bcrypt_sha512$${bcrypt.hashSync(inner, 4)}`)
  t.ok(await verifyForeignHash(stored, Buffer.from(password)))
  t.notOk(await verifyForeignHash(stored, Buffer.from(password.slice(0, -1))))
})

t.test('SHA-crypt as OpenSSL computes it', async (t) => {
  for (const variant of ['5', '6'])
    for (const [password, salt] of [
      ['pässword', 'abc'],
      ['x'.repeat(100), 'saltsaltsaltsalt'],
    ] as const) {
      const hash = execFileSync('openssl', ['passwd', `-${variant}`, '-salt', salt, password], {
        encoding: 'utf8',
      })
      t.ok(await verifyForeignHash(hash.trim(), Buffer.from(password)), hash.slice(0, 20))
    }
})

t.test('what costs too much or is unknown is refused by its name, before anything is computed', async (t) => {
  const rest = 'N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'
  const key = 'A'.repeat(43)
  for (const [text, said] of [
    [`$2b$31$${rest}`, /bcrypt of cost 31/],
    [`$2b$03$${rest}`, /below the least/],
    [`$scrypt$ln=22,r=8,p=1$c29tZXNhbHQ$${key}`, /scrypt with 4096 MiB/],
    [`$scrypt$ln=14,r=8,p=1000$c29tZXNhbHQ$${key}`, /too costly/],
    [`$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$${key}`, /argon2 with 4096 MiB/],
    [`$argon2id$v=19$m=19456,t=9999,p=1$c29tZXNhbHQ$${key}`, /9999 passes/],
    [`$argon2id$v=19$m=19456,t=2,p=1,keyid=YQ$c29tZXNhbHQ$${key}`, /is keyed/],
    [`$argon2id$v=19$m=8,t=2,p=4$c29tZXNhbHQ$${key}`, /no valid parameters/],
    [`pbkdf2_sha256$999999999$salt$${key}`, /PBKDF2 with 999999999 rounds/],
    ['$P$ZIQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0', /phpass with 2\^37/],
    [`$6$rounds=999999999$salt$${'a'.repeat(86)}`, /SHA-crypt with 999999999/],
    ['$1$salt$qJH7.N4xYta3aEG/dfqo/0', /not known here \("1"\)/],
    ['$yescrypt$abc', /\("yescrypt"\)/],
    ['rot13$abc', /\("rot13"\)/],
    ['a secret', /^is of a kind that is not known here\.$/],
    ['', /not known/],
    ['x'.repeat(5000), /longer/],
    ['{SSHA}AZKja92fbuuB9SpRlHqaoXxbTc43Mzc2MDM1Ng==', /weak/],
    [`$2b$10$${rest}\n`, /not known/],
  ] as const) {
    const found = readForeignHash(text)
    t.match(found, said, text.slice(0, 40))
    t.notOk(await verifyForeignHash(text.startsWith('{') ? '' : text, Buffer.from('x')))
  }
  t.equal(decoyHash('bcrypt:31'), null)
  t.equal(decoyHash('nonsense'), null)
})

t.test('a long loop of JavaScript leaves the event loop to others', async (t) => {
  const stored = decoyHash('sha512-crypt:200000') ?? ''
  let turns = 0
  const timer = setInterval(() => turns++, 5)
  await verifyForeignHash(stored, Buffer.from('password'))
  clearInterval(timer)
  t.ok(turns > 10, `a timer ran ${turns} times meanwhile`)
})

t.test('PBKDF2 spellings of one key are stored as one', async (t) => {
  const key = pbkdf2Sync('password', 'saltsaltsaltsalt', 1000, 32, 'sha256')
  const salt = Buffer.from('saltsaltsaltsalt').toString('base64')
  const { stored } = take(`$pbkdf2-sha256$i=1000$${salt}$${key.toString('base64')}`)
  t.equal(
    take(
      `$pbkdf2-sha256$1000$${salt.replace(/=+/, '').replaceAll('+', '.')}$${key.toString('base64').replace(/=+/, '').replaceAll('+', '.')}`,
    ).stored,
    stored,
  )
  t.equal(take(`pbkdf2:sha256:1000$saltsaltsaltsalt$${key.toString('hex')}`).stored, stored)
  t.ok(await verifyForeignHash(stored, Buffer.from('password')))
})
