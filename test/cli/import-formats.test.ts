// What each reader makes of the forms that a product documents, beside those that test/support/exports.ts makes: one person of each,
// made as documented at the page or the source that stands above it.
import { createCipheriv, pbkdf2Sync, randomBytes, scryptSync } from 'node:crypto'
import t from 'tap'
import type { Person } from '../../src/cli/import/fields.ts'
import { instantOf } from '../../src/cli/import/fields.ts'
import { type Product, readers } from '../../src/cli/import/readers.ts'
import { readForeignHash, verifyForeignHash } from '../../src/crypto/foreign/foreign-hashes.ts'
import { readUser } from '../../src/domain/operators/imported-person.ts'

const bcryptHash = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'
const password = 'an old password ½'

interface Made {
  readonly people: Person[]
  readonly refused: string[]
  readonly notes: string[]
}

/** Reads a text as the command does, in pieces of `size` bytes. */
async function read(product: Product, text: string, hashes?: string, size = 7): Promise<Made> {
  async function* pieces(whole: Buffer): AsyncGenerator<Buffer> {
    for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size)
  }
  const made: Made = { people: [], refused: [], notes: [] }
  const options = {
    project: '00000000-0000-4000-8000-000000000000',
    note: (sentence: string) => made.notes.push(sentence),
    openHashes: hashes === undefined ? undefined : async () => pieces(Buffer.from(hashes)),
    signerKey: Buffer.alloc(64, 1).toString('base64'),
  }
  for await (const { value, refused } of readers[product](pieces(Buffer.from(text)), options))
    if (refused === undefined) made.people.push(value as Person)
    else made.refused.push(refused)
  for (const person of made.people) {
    const checked = readUser(person)
    if (typeof checked === 'string') t.match(checked, /^password_hash/, `the domain takes ${person.email}`)
  }
  return made
}

/** Whether the password opens the hash of a person, as it would at a sign-in. */
async function opens({ password_hash, password_hasher }: Person): Promise<boolean> {
  const found = readForeignHash(String(password_hash), { hasher: password_hasher as string | undefined })
  if (typeof found === 'string') throw new Error(found)
  return verifyForeignHash(found.stored, Buffer.from(password))
}

const csv = (columns: readonly string[], ...rows: readonly (readonly string[])[]) =>
  [columns, ...rows].map((row) => `${row.join(',')}\n`).join('')

t.test('clerk: JSON of the Backend API has who owns what, and no passwords', async (t) => {
  // clerk/javascript, packages/backend/src/api/resources/JSON.ts: UserJSON, EmailAddressJSON, ExternalAccountJSON
  const verified = { status: 'verified', strategy: 'email_code', attempts: 1, expire_at: 1_700_000_000_000 }
  const user = {
    id: 'user_1',
    object: 'user',
    username: 'ada',
    first_name: 'Ada',
    last_name: 'Lovelace',
    locale: 'en-GB',
    primary_email_address_id: 'idn_2',
    email_addresses: [
      { id: 'idn_1', object: 'email_address', email_address: 'old@example.com', verification: verified },
      {
        id: 'idn_2',
        object: 'email_address',
        email_address: 'ada@example.com',
        verification: verified,
        linked_to: [{ type: 'oauth_google', id: 'idn_3' }],
      },
    ],
    primary_phone_number_id: 'idn_p',
    phone_numbers: [{ id: 'idn_p', object: 'phone_number', phone_number: '+15550100' }],
    external_accounts: [
      {
        id: 'eac_1',
        object: 'external_account',
        provider: 'oauth_google',
        identification_id: 'idn_3',
        provider_user_id: '1001',
        ...{
          approved_scopes: 'email openid profile',
          email_address: 'ada@example.com',
          verification: verified,
        },
      },
      {
        id: 'eac_2',
        object: 'external_account',
        provider: 'oauth_gitlab',
        provider_user_id: '7',
        email_address: 'other@example.com',
        verification: verified,
      },
      {
        id: 'eac_3',
        object: 'external_account',
        provider: 'oauth_github',
        provider_user_id: '666',
        email_address: 'ada@example.com',
        verification: { status: 'unverified' },
      },
    ],
    ...{
      password_enabled: true,
      two_factor_enabled: false,
      totp_enabled: false,
      banned: true,
      locked: false,
    },
    public_metadata: {},
    private_metadata: { vip: true },
    unsafe_metadata: { plan: 'gold' },
    created_at: 1_614_834_367_000,
  }
  const plain = {
    ...user,
    id: 'user_2',
    banned: false,
    private_metadata: {},
    primary_email_address_id: 'idn_4',
  }
  const unproven = {
    ...plain,
    email_addresses: [{ id: 'idn_4', email_address: 'b@example.com', verification: null }],
  }
  const { people, notes } = await read('clerk', JSON.stringify([user, unproven], null, 2))
  const [ada, other] = people
  t.match(ada, {
    email: 'ada@example.com',
    email_verified_at: '2021-03-04T05:06:07.000Z',
    created_at: '2021-03-04T05:06:07.000Z',
    first_name: 'Ada',
    locale: 'en-GB',
    disabled_at: /^20/,
    metadata: { plan: 'gold', clerk_user_id: 'user_1', username: 'ada', phone: '+15550100' },
  })
  t.same(ada?.identities, [
    { provider: 'google', subject: '1001', email: 'ada@example.com', email_verified: true },
    { provider: 'gitlab', subject: '7', email: 'other@example.com', email_verified: false },
  ])
  t.equal(ada?.password_hash, undefined)
  t.match(other, { email: 'b@example.com', email_verified_at: undefined, disabled_at: undefined })
  t.equal(notes.filter((note) => /private_metadata/.test(note)).length, 1)
  t.match(notes.join(), /no passwords/)
})

t.test('clerk: JSON of its command names verified addresses apart', async (t) => {
  // clerk/cli, packages/cli-core/src/commands/migrate/export/clerk.ts (mapClerkUserToExport)
  const { people, notes } = await read(
    'clerk',
    JSON.stringify([
      {
        id: 'user_1',
        primary_email_address: 'ada@example.com',
        verified_email_addresses: ['second@example.com'],
        primary_phone_number: '+15550100',
        first_name: 'Ada',
        last_name: 'Lovelace',
        unsafe_metadata: { plan: 'gold' },
        banned: true,
        delete_self_enabled: true,
        created_at: '2021-03-04T05:06:07.000Z',
      },
      { id: 'user_2', unverified_email_addresses: ['b@example.com'], created_at: '2021-03-04T05:06:07.000Z' },
      { id: 'user_3', primary_email_address: 'c@example.com' },
    ]),
  )
  t.match(people, [
    {
      email: 'ada@example.com',
      email_verified_at: '2021-03-04T05:06:07.000Z',
      metadata: { plan: 'gold', clerk_user_id: 'user_1', phone: '+15550100' },
      disabled_at: /^20/,
    },
    { email: 'b@example.com', email_verified_at: undefined },
    { email: 'c@example.com', email_verified_at: /^20/ },
  ])
  t.match(notes.join(), /no passwords/)
})

t.test('clerk: JSON of its support has digests, and does not say what is verified', async (t) => {
  // workos/migrate-clerk-users, src/clerk-exported-user.ts and example-input.json
  const { people, notes } = await read(
    'clerk',
    JSON.stringify([
      {
        id: 'user_1',
        first_name: 'Ada',
        last_name: null,
        username: null,
        phone_numbers: null,
        totp_secret: null,
        email_addresses: 'ada@example.com|second@example.com',
        password_digest: bcryptHash,
        password_hasher: 'bcrypt',
        unsafe_metadata: { plan: 'gold' },
        public_metadata: {},
        private_metadata: {},
      },
    ]),
  )
  t.match(people, [
    {
      email: 'ada@example.com',
      email_verified_at: undefined,
      password_hash: bcryptHash,
      metadata: { plan: 'gold' },
    },
  ])
  t.match(notes, [/which addresses are verified/])
  // clerk/migration-script, samples/clerk.json
  const old = [
    {
      id: 'user_1',
      primary_email_address: 'b@example.com',
      email_addresses: ['a@example.com', 'b@example.com'],
    },
  ]
  t.match((await read('clerk', JSON.stringify(old))).people, [
    { email: 'b@example.com', email_verified_at: undefined },
  ])
})

t.test(
  'clerk: digests of every kind that it documents are opened by the password, or refused by name',
  async (t) => {
    // clerk.com/docs/reference/backend/user/create-user, "passwordHasher"
    const salt = Buffer.from('a salt of bytes!')
    const key = (digest: string, given: Buffer, length: number) =>
      pbkdf2Sync(password, given, 1000, length, digest)
    const signer = randomBytes(64)
    const separator = Buffer.from('Bw==', 'base64')
    const firebase = scryptSync(password, Buffer.concat([salt, separator]), 64, { N: 2 ** 10, r: 8, p: 1 })
    const encrypted = createCipheriv('aes-256-ctr', firebase.subarray(0, 32), Buffer.alloc(16)).update(signer)
    const base64 = (bytes: Buffer) => bytes.toString('base64')
    const text = 'a salt of text!!'
    const digests: Record<string, string> = {
      pbkdf2_sha1: `pbkdf2_sha1$1000$${salt.toString('hex')}$${key('sha1', salt, 32).toString('hex')}`,
      'pbkdf2_sha1 text': `pbkdf2_sha1$1000$${text}$${key('sha1', Buffer.from(text), 20).toString('hex')}$20`,
      pbkdf2_sha256: `pbkdf2_sha256$1000$${base64(salt)}$${base64(key('sha256', salt, 32))}`,
      pbkdf2_sha256_django: `pbkdf2_sha256$1000$${text}$${base64(key('sha256', Buffer.from(text), 32))}`,
      pbkdf2_sha512: `pbkdf2_sha512$1000$${text}$${key('sha512', Buffer.from(text), 64).toString('hex')}`,
      pbkdf2_sha512_hex: `pbkdf2_sha512_hex$1000$${salt.toString('hex')}$${key('sha512', salt, 64).toString('hex')}`,
      scrypt_firebase: `${base64(encrypted)}$${base64(salt)}$${base64(signer)}$Bw==$8$10`,
      scrypt_werkzeug: `scrypt:1024:8:1$${text}$${scryptSync(password, text, 64, { N: 1024, r: 8, p: 1 }).toString('hex')}`,
    }
    for (const [kind, digest] of Object.entries(digests)) {
      const [hasher = ''] = kind.split(' ')
      const columns = ['id', 'primary_email_address', 'password_digest', 'password_hasher']
      const { people } = await read('clerk', csv(columns, ['u', 'a@example.com', digest, hasher]))
      t.ok(await opens(people[0] as Person), kind)
    }
    for (const [kind, digest] of [
      ['md5_salted', 'salt$5f4dcc3b5aa765d61d8327deb882cf99'],
      ['md5_phpass', '$P$BXYZabcde0123456789012345678901'],
      ['bcrypt_peppered', `${bcryptHash}$pepper`],
      ['awscognito', 'awscognito#pool#client#id'],
      ['sha512_symfony', 'sha512_symfony$5000$salt$aGFzaA=='],
    ] as const) {
      const { people } = await read(
        'clerk',
        csv(['primary_email_address', 'password_digest', 'password_hasher'], ['a@example.com', digest, kind]),
      )
      t.match(readUser(people[0]), new RegExp(`not known here \\("${kind}"\\)`), kind)
    }
    const weak = await read(
      'clerk',
      csv(
        ['primary_email_address', 'password_digest', 'password_hasher'],
        ['a@example.com', '5f4dcc3b5aa765d61d8327deb882cf99', 'md5'],
      ),
    )
    t.match(readUser(weak.people[0]), /single md5, which is weak/)
  },
)

t.test('supabase: what only looks like a proof or a hash is none', async (t) => {
  // supabase/auth, migrations/20210722035447_adds_confirmed_at.up.sql: confirmed_at is the lesser of both confirmations
  const row = {
    id: '00000000-0000-4000-8000-000000000001',
    email: 'a@example.com',
    encrypted_password: bcryptHash,
  }
  const phone = {
    ...row,
    email_confirmed_at: null,
    confirmed_at: '2021-03-04 05:06:07+00',
    phone: '15550100',
  }
  t.match((await read('supabase', JSON.stringify([phone]))).people, [{ email_verified_at: undefined }])

  // supabase/auth, internal/models/user.go (SetPassword) and factor.go (SetSecret): encrypted ones are JSON
  const sealed = JSON.stringify({ key_id: 'k', alg: 'aes-gcm-hkdf', data: 'x', nonce: 'y' })
  const mfa_factors = [
    { factor_type: 'totp', status: 'verified', secret: sealed },
    { factor_type: 'webauthn', status: 'verified', web_authn_credential: {} },
  ]
  const encrypted = await read(
    'supabase',
    [
      { ...row, encrypted_password: sealed },
      { ...row, mfa_factors },
    ]
      .map((one) => JSON.stringify(one))
      .join('\n'),
  )
  t.match(encrypted.refused, [/encrypted by Supabase/])
  t.match(encrypted.people, [{ email: 'a@example.com', totp: undefined }])
  t.match(encrypted.notes, [/not authenticators/, /encrypted their secrets/])

  const gone = [
    { ...row, deleted_at: '2024-01-01 00:00:00+00' },
    { ...row, is_anonymous: true },
  ]
  const passed = await read('supabase', JSON.stringify(gone))
  t.same(passed.people, [])
  t.match(passed.notes[0], /Deleted and anonymous/)
})

t.test('supabase: hashes that it took over from Firebase and argon2 are read', async (t) => {
  // supabase/auth, internal/crypto/password.go: fbscryptHashRegexp; firebase/scrypt
  const [salt, signer, separator] = [randomBytes(10), randomBytes(64), Buffer.from('Bw==', 'base64')]
  const derived = scryptSync(password, Buffer.concat([salt, separator]), 64, { N: 2 ** 10, r: 8, p: 1 })
  const hash = createCipheriv('aes-256-ctr', derived.subarray(0, 32), Buffer.alloc(16)).update(signer)
  const [saltText, signerText, hashText] = [salt, signer, hash].map((bytes) => bytes.toString('base64'))
  const encrypted_password = `$fbscrypt$v=1,n=10,r=8,p=1,ss=Bw==,sk=${signerText}$${saltText}$${hashText}`
  const { people } = await read('supabase', JSON.stringify([{ email: 'a@example.com', encrypted_password }]))
  t.ok(await opens(people[0] as Person))
  t.notOk(String(people[0]?.password_hash).includes(signerText ?? ''), 'the signer key is not kept')
  const other = encrypted_password.replace('v=1', 'v=2')
  const unknown = await read(
    'supabase',
    JSON.stringify([{ email: 'a@example.com', encrypted_password: other }]),
  )
  t.match(readUser(unknown.people[0]), /not known here \("fbscrypt"\)/)
})

t.test('better-auth: bans, anonymous users and older names of columns', async (t) => {
  // better-auth/better-auth, packages/better-auth/src/plugins/{admin,anonymous}/schema; older versions of the Drizzle generator
  // named the id of a passkey credential_i_d
  const [past, future] = ['2021-01-01T00:00:00Z', '2999-01-01T00:00:00Z']
  const { people, notes } = await read(
    'better-auth',
    JSON.stringify({
      users: [
        {
          id: '1',
          email: 'a@example.com',
          email_verified: true,
          banned: true,
          ban_expires: past,
          created_at: past,
        },
        { id: '2', email: 'b@example.com', email_verified: false, banned: true, ban_expires: future },
        { id: '3', email: 'c@example.com', email_verified: false, banned: true, ban_expires: null },
        { id: '4', email: 'temp@anonymous.example', is_anonymous: true },
      ],
      passkeys: [
        {
          id: 'p',
          public_key: 'AAAA+/==',
          user_id: '1',
          credential_i_d: 'Y3JlZA',
          counter: 7,
          device_type: 'singleDevice',
          backed_up: false,
          transports: 'usb,nfc',
          aaguid: null,
        },
      ],
      two_factors: [{ id: 't', user_id: '1', secret: 'sealed' }],
    }),
  )
  t.match(people, [
    {
      email: 'a@example.com',
      email_verified_at: '2021-01-01T00:00:00.000Z',
      disabled_at: undefined,
      passkeys: [
        {
          credential_id: 'Y3JlZA',
          public_key: 'AAAA-_',
          sign_count: 7,
          transports: ['usb', 'nfc'],
          backup_eligible: false,
        },
      ],
    },
    { email: 'b@example.com', disabled_at: /^20/ },
    { email: 'c@example.com', disabled_at: /^20/ },
  ])
  t.equal(people.length, 3)
  t.match(notes.sort(), [/Anonymous/, /Second factors/])
})

t.test('firebase: its CSV is refused, because a person could write the fields of others', async (t) => {
  // firebase/firebase-tools, src/accountExporter.ts (transUserToArray): photoUrl is written as it is
  const planted =
    'f1,a@example.com,true,,,Ada,p,999VICTIM,victim@example.com,,,,,,,,,,,,,,,1614834367000,,,false,,'
  await t.rejects(read('firebase', planted), { message: /cannot be read safely.*auth:export users\.json/ })
})

t.test('keycloak: argon2, which it takes by default, and what is no account of a person', async (t) => {
  // keycloak/keycloak, crypto/default/…/Argon2PasswordHashProvider.java and
  // server-spi/…/credential/dto/PasswordCredentialData.java: parameters are lists of one
  const credentials = [
    {
      type: 'password',
      secretData: JSON.stringify({
        value: 'RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk=',
        salt: 'SFVpOWJ0eXhjRzVkdGN1RQ==',
        additionalParameters: {},
      }),
      credentialData: JSON.stringify({
        hashIterations: 3,
        algorithm: 'argon2',
        additionalParameters: {
          hashLength: ['32'],
          memory: ['32'],
          type: ['id'],
          version: ['1.3'],
          parallelism: ['2'],
        },
      }),
    },
  ]
  const users = [
    {
      id: '00000000-0000-4000-8000-000000000001',
      username: 'a',
      email: 'a@example.com',
      enabled: false,
      credentials,
    },
    { username: 'service-account-app', serviceAccountClientId: 'app', enabled: true },
    { username: 'b@example.com', enabled: true, emailVerified: false, groups: ['/staff'] },
  ]
  const { people, notes } = await read('keycloak', JSON.stringify({ realm: 'example', users }))
  t.match(people, [
    {
      email: 'a@example.com',
      disabled_at: /^20/,
      password_hash:
        '$argon2id$v=19$m=32,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ==$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk=',
    },
    { email: 'b@example.com', email_verified_at: undefined, disabled_at: undefined },
  ])
  // The vector of supabase/auth, internal/models/user_test.go, whose salt and hash these are
  const found = readForeignHash(String(people[0]?.password_hash))
  t.type(found, 'object')
  t.match(notes, [/Groups and roles/])
})

t.test(
  'keycloak: secrets as text and in base32, and keys with the name that authenticators were told',
  async (t) => {
    // keycloak/keycloak, server-spi/…/credential/OTPCredentialModel.java (getDecodedSecret),
    // services/…/credential/WebAuthnCredentialProvider.java and …/requiredactions/WebAuthnRegister.java (the id of the user as UTF-8)
    const id = '00000000-0000-4000-8000-000000000001'
    const otp = (value: string, given: object) => ({
      type: 'otp',
      secretData: JSON.stringify({ value }),
      credentialData: JSON.stringify({
        subType: 'totp',
        digits: 6,
        counter: 0,
        period: 30,
        algorithm: 'HmacSHA1',
        ...given,
      }),
    })
    const key = {
      type: 'webauthn-passwordless',
      userLabel: 'Phone',
      createdDate: 1_614_834_367_000,
      secretData: '{}',
      credentialData: JSON.stringify({
        aaguid: 'ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4',
        credentialId: '+/+/',
        counter: 0,
        ...{
          credentialPublicKey: 'pQECAyYg-_',
          attestationStatementFormat: 'none',
          transports: ['internal'],
        },
      }),
    }
    const user = (credentials: object[], n: number) => ({
      id,
      username: 'a',
      email: `a${n}@example.com`,
      credentials,
    })
    const secrets = [
      otp('kJ8sPq2LmVx7RtYw9ZbN', {}),
      otp('JBSWY3DPEHPK3PXP', { secretEncoding: 'BASE32' }),
      otp('JBSWY3DPEHPK3PXP', { algorithm: 'HmacSHA256' }),
      otp('JBSWY3DPEHPK3PXP', { digits: 8 }),
    ]
    const users = [...secrets.map((one, n) => user([one], n)), user([key], 9)]
    const { people, notes } = await read('keycloak', JSON.stringify({ realm: 'example', users }))
    t.same(
      people.map(({ totp }) => (totp as { secret: string } | undefined)?.secret),
      ['NNFDQ42QOEZEY3KWPA3VE5CZO44VUYSO', 'JBSWY3DPEHPK3PXP', undefined, undefined, undefined],
    )
    t.match(notes.join(), /not TOTP with SHA-1/)
    t.same(people[4]?.passkeys, [
      {
        credential_id: '-_-_',
        public_key: 'pQECAyYg-_',
        name: 'Phone',
        transports: ['internal'],
        ...{
          aaguid: 'ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4',
          user_handle: 'MDAwMDAwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAx',
          sign_count: 0,
        },
        created_at: '2021-03-04T05:06:07.000Z',
      },
    ])
  },
)

t.test(
  'auth0: hashes alone, which name users by _id or alt_id, and a file of them that is broken',
  async (t) => {
    // support.auth0.com/center/s/article/How-to-Use-the-Password-Hashes-Export-from-Auth0
    const one = {
      _id: { $oid: '5dea9f9c82dd7c0e76e4ec93' },
      passwordHash: bcryptHash,
      password_set_date: { $date: '2019-12-06T18:36:12.412Z' },
      tenant: 'example',
      connection: 'Username-Password-Authentication',
      _tmp_is_unique: true,
      identifiers: [{ type: 'email', value: 'a@example.com', verified: true }],
    }
    const { people } = await read(
      'auth0',
      `${JSON.stringify(one)}\n${JSON.stringify({ ...one, alt_id: 'euclid' })}\n`,
    )
    t.match(people, [
      {
        email: 'a@example.com',
        password_hash: bcryptHash,
        email_verified_at: '2019-12-06T18:36:12.412Z',
        metadata: { auth0_user_id: 'auth0|5dea9f9c82dd7c0e76e4ec93' },
      },
      { metadata: { auth0_user_id: 'auth0|euclid' } },
    ])
    const users = '{"user_id":"auth0|5dea9f9c82dd7c0e76e4ec93","email":"a@example.com","username":"ada"}'
    const beside = await read('auth0', users, `${JSON.stringify(one)}\n{"cut`)
    t.match(beside.people, [{ password_hash: bcryptHash, metadata: { username: 'ada' } }])
    t.match(beside.notes, [/1 lines of the file of hashes/])
  },
)

t.test(
  'cognito: a comma inside of a value has a backslash before it, wherever the file is cut',
  async (t) => {
    // docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-using-import-tool-csv-header.html
    const text = csv(
      [
        'cognito:username',
        'name',
        'email',
        'email_verified',
        'address',
        'updated_at',
        'cognito:mfa_enabled',
        'custom:a\\,b',
      ],
      [
        'ada',
        'Lovelace\\, Ada "Countess"',
        'a@example.com',
        'TRUE',
        '1\\, 2\\, \\3',
        '1614834367',
        'false',
        'x\\,y',
      ],
    )
    for (const size of [1, 2, 3, 1000]) {
      const { people } = await read('cognito', text, undefined, size)
      t.match(people, [
        {
          email: 'a@example.com',
          display_name: 'Lovelace, Ada "Countess"',
          email_verified_at: '2021-03-04T05:06:07.000Z',
          metadata: { cognito_username: 'ada' },
        },
      ])
      t.match(Object.values(people[0]?.metadata as object), ['ada', 'x,y'])
    }
  },
)

t.test('cognito: a value that begins with a quotation mark swallows no other column', async (t) => {
  const header = 'cognito:username,name,nickname,email,email_verified,updated_at,cognito:mfa_enabled'
  const planted = 'eve,"x,",me@example.com,TRUE,eve@example.com,FALSE,1614834367,false'
  const swallowing = 'eve,",eve,me@example.com,TRUE,1614834367,false"'
  const good = 'ada,Ada,,a@example.com,TRUE,1614834367,false'
  const { people, refused } = await read('cognito', [header, planted, swallowing, good, ''].join('\n'))
  t.same(
    people.map(({ email }) => email),
    ['a@example.com'],
  )
  t.match(refused, [/another number of fields/, /another number of fields/])
})

t.test('clerk: an address that is listed as unverified is not verified', async (t) => {
  const user = { primary_email_address: 'V@example.com', unverified_email_addresses: ['v@example.com'] }
  const { people } = await read('clerk', JSON.stringify([user, { primary_email_address: 'w@example.com' }]))
  t.match(people, [{ email_verified_at: undefined }, { email_verified_at: /^20/ }])
})

t.test('instants are read in every form that exports have them in', async (t) => {
  for (const [given, read] of [
    ['2021-03-04T05:06:07.123Z', '2021-03-04T05:06:07.123Z'],
    ['2021-03-04 05:06:07.123456+00', '2021-03-04T05:06:07.123Z'],
    ['2021-03-04 05:06:07.123456+00:00', '2021-03-04T05:06:07.123Z'],
    ['2021-03-04 05:06:07+0530', '2021-03-03T23:36:07.000Z'],
    ['2021-03-04T05:06:07-05', '2021-03-04T10:06:07.000Z'],
    ['2021-03-04T05:06:07.123', '2021-03-04T05:06:07.123Z'],
    ['2021-03-04', '2021-03-04T00:00:00.000Z'],
    [1_614_834_367_000, '2021-03-04T05:06:07.000Z'],
    ['1614834367', '2021-03-04T05:06:07.000Z'],
    ['2021-13-04', undefined],
    ['soon', undefined],
    ['', undefined],
    [null, undefined],
  ] as const)
    t.equal(instantOf(given), read, String(given))
})
