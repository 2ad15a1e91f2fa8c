// Exports of other products, as they document them, of made-up people whose passwords are hashed by the real functions.
import { createCipheriv, createHmac, pbkdf2Sync, randomBytes, scryptSync } from 'node:crypto'
import bcrypt from 'bcrypt'

export interface OldPerson {
  readonly n: number
  readonly email: string
  readonly password: string
}

/** Parameters of Firebase's hashes, with a smaller cost than its default. */
export const firebaseParameters = {
  signerKey: randomBytes(64).toString('base64'),
  saltSeparator: 'Bw==',
  rounds: 8,
  memCost: 10,
}

/** base32 of twenty bytes. */
export const totpSecret = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'
const since = '2021-03-04T05:06:07.000Z'

/** Hashes each password once: people may share one. */
const once = (hash: (password: string) => string) => {
  const made = new Map<string, string>()
  return (password: string): string => {
    const known = made.get(password) ?? hash(password)
    made.set(password, known)
    return known
  }
}
const byBcrypt = once((password) => bcrypt.hashSync(password, 4))
const byBetterAuth = once((password) => {
  const salt = randomBytes(16).toString('hex')
  const key = scryptSync(password.normalize('NFKC'), salt, 64, { N: 16_384, r: 16, p: 1, maxmem: 2 ** 26 })
  return `${salt}:${key.toString('hex')}`
})
const byFirebase = once((password) => {
  const salt = randomBytes(10)
  const { signerKey, saltSeparator, rounds, memCost } = firebaseParameters
  const salted = Buffer.concat([salt, Buffer.from(saltSeparator, 'base64')])
  const key = scryptSync(password, salted, 64, { N: 2 ** memCost, r: rounds, p: 1 }).subarray(0, 32)
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  return `${cipher.update(Buffer.from(signerKey, 'base64')).toString('base64')} ${salt.toString('base64')}`
})
const byKeycloak = once((password) => {
  const salt = randomBytes(16)
  return `${pbkdf2Sync(password, salt, 1000, 64, 'sha512').toString('base64')} ${salt.toString('base64')}`
})
/** WordPress 6.8. */
const byWordPress = once((password) => {
  const bytes = createHmac('sha384', 'wp-sha384').update(password.trim()).digest('base64')
  return `$wp${bcrypt.hashSync(bytes, 4).replace('$2b$', '$2y$')}`
})

const lines = (rows: readonly unknown[]) => `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`
const field = (value: unknown) => `"${String(value ?? '').replaceAll('"', '""')}"`
const table = (header: readonly string[] | null, rows: readonly (readonly unknown[])[]) =>
  [...(header ? [header] : []), ...rows].map((row) => row.map(field).join(',')).join('\r\n')

export interface ExportFiles {
  readonly name: string
  readonly file: string
  readonly hashes?: string
}

/** The files of each product, by its name for `--from`; each also says where its form is documented. */
export const exportsOf: Record<string, (people: readonly OldPerson[]) => ExportFiles> = {
  // auth0.com/docs, "Bulk User Exports"; support.auth0.com, "How to Use the Password Hashes Export from Auth0"
  auth0: (people) => ({
    name: 'users.json',
    file: lines(
      people.map(({ n, email }) => ({
        user_id: `auth0|${n}`,
        email,
        email_verified: true,
        given_name: 'Ada',
        family_name: 'Lovelace',
        name: email,
        nickname: `ada${n}`,
        created_at: since,
        user_metadata: { plan: 'gold' },
        app_metadata: { admin: true },
        identities: [
          {
            user_id: String(n),
            provider: 'auth0',
            connection: 'Username-Password-Authentication',
            isSocial: false,
          },
          { user_id: `1000${n}`, provider: 'google-oauth2', connection: 'google-oauth2', isSocial: true },
        ],
        mfa_factors: n % 2 ? undefined : [{ totp: { secret: totpSecret } }],
      })),
    ),
    hashes: lines(
      people.map(({ n, email, password }) => ({
        _id: { $oid: String(n) },
        email_verified: true,
        email,
        passwordHash: byBcrypt(password),
        password_set_date: { $date: since },
        tenant: 'example',
        connection: 'Username-Password-Authentication',
        _tmp_is_unique: true,
      })),
    ),
  }),
  // clerk.com/docs, "Export users"; the columns as workos/migrate-clerk-users lists them
  clerk: (people) => ({
    name: 'clerk.csv',
    file: table(
      [
        ...['id', 'first_name', 'last_name', 'username', 'primary_email_address', 'primary_phone_number'],
        ...['verified_email_addresses', 'unverified_email_addresses', 'verified_phone_numbers'],
        ...['unverified_phone_numbers', 'totp_secret', 'password_digest', 'password_hasher'],
      ],
      people.map(({ n, email, password }) => [
        ...[`user_${n}`, 'Ada', 'Lovelace', `ada${n}`, email, '', email, '', '', ''],
        ...[n % 2 ? '' : totpSecret, byBcrypt(password), 'bcrypt'],
      ]),
    ),
  }),
  // supabase/auth, internal/models: auth.users, auth.identities, auth.mfa_factors
  supabase: (people) => ({
    name: 'users.json',
    file: JSON.stringify(
      people.map(({ n, email, password }) => ({
        id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
        aud: 'authenticated',
        email,
        encrypted_password: byBcrypt(password).replace('$2b$', '$2a$'),
        email_confirmed_at: '2021-03-04 05:06:07.123456+00',
        raw_app_meta_data: { provider: 'email' },
        raw_user_meta_data: { full_name: 'Ada Lovelace', plan: 'gold', email_verified: true },
        created_at: '2021-03-04 05:06:07.123456+00',
        banned_until: null,
        is_anonymous: false,
        identities: [
          { provider: 'email', identity_data: { sub: String(n), email } },
          {
            provider: 'github',
            provider_id: `77${n}`,
            identity_data: { sub: `77${n}`, email, email_verified: true },
          },
        ],
        mfa_factors: n % 2 ? [] : [{ factor_type: 'totp', status: 'verified', secret: totpSecret }],
      })),
    ),
  }),
  // better-auth.com/docs, "Database": core schema, passkey and organization plugins
  'better-auth': (people) => ({
    name: 'better-auth.json',
    file: JSON.stringify(
      {
        member: people.map(({ n }) => ({
          id: `m${n}`,
          userId: `u${n}`,
          organizationId: `o${n % 3}`,
          role: n < 3 ? 'owner' : 'member',
          createdAt: since,
        })),
        user: people.map(({ n, email }) => ({
          id: `u${n}`,
          name: 'Ada Lovelace',
          email,
          emailVerified: true,
          image: null,
          createdAt: since,
          updatedAt: since,
        })),
        account: people.flatMap(({ n, password }) => [
          {
            id: `a${n}`,
            userId: `u${n}`,
            accountId: `u${n}`,
            providerId: 'credential',
            password: byBetterAuth(password),
          },
          { id: `b${n}`, userId: `u${n}`, accountId: `88${n}`, providerId: 'google', createdAt: since },
        ]),
        passkey: people.map(({ n }) => ({
          id: `p${n}`,
          name: 'Laptop',
          publicKey: Buffer.alloc(77, n).toString('base64'),
          userId: `u${n}`,
          credentialID: Buffer.from(`credential ${n}`).toString('base64'),
          counter: 0,
          deviceType: 'multiDevice',
          backedUp: true,
          transports: 'internal,hybrid',
          createdAt: since,
        })),
        organization: [0, 1, 2].map((n) => ({
          id: `o${n}`,
          name: `Team ${n}`,
          slug: `team-${n}`,
          createdAt: since,
        })),
        twoFactor: [],
        session: [{ id: 's', token: 'x' }],
      },
      null,
      1,
    ),
  }),
  // firebase-tools, src/accountExporter.ts: JSON
  firebase: (people) => ({
    name: 'users.json',
    file: `{"users": [\n${people
      .map(({ n, email, password }) => {
        const [passwordHash, salt] = byFirebase(password).split(' ')
        return JSON.stringify({
          localId: `f${n}`,
          email,
          emailVerified: true,
          passwordHash,
          salt,
          displayName: 'Ada, Countess of Lovelace',
          createdAt: String(Date.parse(since)),
          disabled: false,
          providerUserInfo: [{ providerId: 'google.com', rawId: `99${n}`, email }],
        })
      })
      .join(',\n')}]}`,
  }),
  // firebase-tools, src/accountExporter.ts: CSV, which has no header
  'firebase csv': (people) => ({
    name: 'users.csv',
    file: people
      .map(({ n, email, password }) => {
        const [passwordHash, salt] = byFirebase(password).split(' ')
        const row: unknown[] = Array(28).fill('')
        Object.assign(row, [`f${n}`, email, true, passwordHash, salt, '"Ada, Countess of Lovelace"', ''])
        Object.assign(row, { 7: `99${n}`, 8: email, 23: Date.parse(since), 24: Date.parse(since), 26: false })
        return `${row.join(',')},\n`
      })
      .join(''),
  }),
  // keycloak.org, "Importing and exporting realms"; RealmRepresentation, UserRepresentation, CredentialRepresentation
  keycloak: (people) => ({
    name: 'realm.json',
    file: JSON.stringify(
      {
        realm: 'example',
        roles: { realm: [{ name: 'users' }] },
        users: people.map(({ n, email, password }) => {
          const [value, salt] = byKeycloak(password).split(' ')
          return {
            id: `00000000-0000-4000-9000-${String(n).padStart(12, '0')}`,
            createdTimestamp: Date.parse(since),
            username: `ada${n}`,
            enabled: true,
            emailVerified: true,
            firstName: 'Ada',
            lastName: 'Lovelace',
            email,
            attributes: { locale: ['de'] },
            credentials: [
              {
                type: 'password',
                createdDate: Date.parse(since),
                secretData: JSON.stringify({ value, salt, additionalParameters: {} }),
                credentialData: JSON.stringify({
                  hashIterations: 1000,
                  algorithm: 'pbkdf2-sha512',
                  additionalParameters: {},
                }),
              },
              {
                type: 'otp',
                userLabel: 'Phone',
                secretData: JSON.stringify({ value: totpSecret }),
                credentialData: JSON.stringify({
                  subType: 'totp',
                  digits: 6,
                  counter: 0,
                  period: 30,
                  algorithm: 'HmacSHA1',
                  secretEncoding: 'BASE32',
                }),
              },
              {
                type: 'webauthn-passwordless',
                userLabel: 'Laptop',
                credentialData: JSON.stringify({
                  aaguid: '00000000-0000-0000-0000-000000000000',
                  credentialId: Buffer.from(`keycloak ${n}`).toString('base64'),
                  counter: 3,
                  credentialPublicKey: Buffer.alloc(77, n).toString('base64'),
                  transports: ['INTERNAL'],
                }),
              },
            ],
            federatedIdentities: [{ identityProvider: 'google', userId: `66${n}`, userName: email }],
          }
        }),
        clients: [{ users: ['no user'] }],
      },
      null,
      2,
    ),
  }),
  // A table of WordPress: user_email, user_pass
  csv: (people) => ({
    name: 'wp_users.csv',
    file: table(
      ['ID', 'user_email', 'user_pass', 'display_name', 'email_verified'],
      people.map(({ n, email, password }) => [
        n,
        email,
        byWordPress(password),
        'Ada "Countess" Lovelace',
        'true',
      ]),
    ),
  }),
}

/** docs.aws.amazon.com, GetCSVHeader. */
export const cognitoExport = (people: readonly OldPerson[]): string =>
  table(
    [
      ...[
        'name',
        'given_name',
        'family_name',
        'middle_name',
        'nickname',
        'preferred_username',
        'profile',
        'picture',
      ],
      ...['website', 'email', 'email_verified', 'gender', 'birthdate', 'zoneinfo', 'locale', 'phone_number'],
      ...['phone_number_verified', 'address', 'updated_at', 'cognito:mfa_enabled', 'cognito:username'],
    ],
    people.map(({ n, email }) => [
      ...['Ada Lovelace', 'Ada', 'Lovelace', '', '', '', '', '', '', email, 'TRUE', '', '', '', 'en', ''],
      ...['', '', String(Date.parse(since)), 'FALSE', `ada${n}`],
    ]),
  )
