// Exports of other products in their documented forms, with fictitious users whose passwords are hashed by the real functions.
// The comment of each names the documentation of its form: a page, or the source that writes it.
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

/** Hashes each password once; users may share one. */
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
const quoted = (value: unknown) => `"${String(value ?? '').replaceAll('"', '""')}"`
/** CSV as Go's encoding/csv writes it; Clerk's services and PostgreSQL's COPY write similar CSV. */
const whereNeeded = (value: unknown) => {
  const text = String(value ?? '')
  return /[",\r\n]|^\s/.test(text) ? quoted(text) : text
}
const table = (rows: readonly (readonly unknown[])[], field: (value: unknown) => string, end = '\n') =>
  rows.map((row) => `${row.map(field).join(',')}${end}`).join('')
/** A MongoDB ObjectId. */
const objectId = (n: number) => n.toString(16).padStart(24, '5')

export interface ExportFiles {
  readonly name: string
  readonly file: string
  readonly hashes?: string
}

/** A secret that Keycloak generated: text whose bytes are the key. */
export const totpText = 'kJ8sPq2LmVx7RtYw9ZbN'

const supabaseRow = ({ n, email, password }: OldPerson) => ({
  instance_id: '00000000-0000-0000-0000-000000000000',
  id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  aud: 'authenticated',
  role: 'authenticated',
  email,
  encrypted_password: byBcrypt(password).replace('$2b$', '$2a$'),
  email_confirmed_at: '2021-03-04 05:06:07.123456+00',
  invited_at: null,
  last_sign_in_at: '2024-01-02 03:04:05.123456+00',
  raw_app_meta_data: { provider: 'email', providers: ['email', 'github'] },
  raw_user_meta_data: { full_name: 'Ada Lovelace', plan: 'gold', email_verified: true },
  is_super_admin: null,
  created_at: '2021-03-04 05:06:07.123456+00',
  updated_at: '2024-01-02 03:04:05.123456+00',
  phone: null,
  phone_confirmed_at: null,
  confirmed_at: '2021-03-04 05:06:07.123456+00',
  banned_until: null,
  is_sso_user: false,
  deleted_at: null,
  is_anonymous: false,
  identities: [
    { provider: 'email', provider_id: String(n), identity_data: { sub: String(n), email } },
    {
      id: `00000000-0000-4000-b000-${String(n).padStart(12, '0')}`,
      provider: 'github',
      provider_id: `77${n}`,
      identity_data: { sub: `77${n}`, email, email_verified: true, user_name: 'ada' },
      created_at: '2021-03-05T05:06:07.123456+00:00',
      email,
    },
  ],
  mfa_factors: n % 2 ? null : [{ factor_type: 'totp', status: 'verified', secret: totpSecret }],
})

const snakeCase = (name: string) => name.replace(/([a-z\d])([A-Z])/g, '$1_$2').toLowerCase()

const betterAuthTables = (people: readonly OldPerson[]): Record<string, readonly object[]> => ({
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
      createdAt: since,
      updatedAt: since,
    },
    {
      id: `b${n}`,
      userId: `u${n}`,
      accountId: `88${n}`,
      providerId: 'google',
      password: null,
      idToken: 'x.y.z',
      scope: 'openid,email',
      createdAt: since,
      updatedAt: since,
    },
  ]),
  passkey: people.map(({ n }) => ({
    id: `p${n}`,
    name: 'Laptop',
    publicKey: Buffer.alloc(77, n).toString('base64'),
    userId: `u${n}`,
    credentialID: Buffer.from(`credential ${n}`).toString('base64url'),
    counter: 0,
    deviceType: 'multiDevice',
    backedUp: true,
    transports: 'internal,hybrid',
    createdAt: since,
    aaguid: '00000000-0000-0000-0000-000000000000',
  })),
  organization: [0, 1, 2].map((n) => ({
    id: `o${n}`,
    name: `Team ${n}`,
    slug: `team-${n}`,
    createdAt: since,
  })),
  twoFactor: [],
  session: [{ id: 's', token: 'x' }],
})

/** The files of each product, by its name for `--from`. */
export const exportsOf: Record<string, (people: readonly OldPerson[]) => ExportFiles> = {
  // auth0.com/docs/manage-users/user-migration/bulk-user-exports: NDJSON with the requested fields;
  // auth0.com/docs/manage-users/user-accounts/user-profiles/user-profile-structure: the fields.
  // The hashes: support.auth0.com/center/s/article/How-to-Use-the-Password-Hashes-Export-from-Auth0. Only some rows have alt_id, and
  // the address may be only among the identifiers. mfa_factors is the form of Auth0's import
  // (auth0.com/docs/secure/multi-factor-authentication/…/import-user-mfa-authenticator-enrollments); no known export has it.
  auth0: (people) => ({
    name: 'users.json',
    file: lines(
      people.map(({ n, email }) => ({
        user_id: `auth0|${n % 5 ? objectId(n) : `own-id-${n}`}`,
        email,
        email_verified: true,
        given_name: 'Ada',
        family_name: 'Lovelace',
        name: email,
        nickname: `ada${n}`,
        created_at: since,
        blocked: false,
        user_metadata: { plan: 'gold' },
        app_metadata: { admin: true },
        identities: [
          {
            connection: 'Username-Password-Authentication',
            provider: 'auth0',
            user_id: n % 5 ? objectId(n) : `own-id-${n}`,
            isSocial: false,
          },
          {
            connection: 'google-oauth2',
            provider: 'google-oauth2',
            user_id: `1000${n}`,
            isSocial: true,
            profileData: { email, email_verified: true, name: 'Ada Lovelace' },
          },
        ],
        mfa_factors: n % 2 ? undefined : [{ totp: { secret: totpSecret } }],
      })),
    ),
    hashes: lines(
      people.map(({ n, email, password }) => ({
        _id: { $oid: objectId(n) },
        ...(n % 7 ? { email_verified: true, email } : {}),
        passwordHash: byBcrypt(password),
        password_set_date: { $date: since },
        tenant: 'example',
        connection: 'Username-Password-Authentication',
        _tmp_is_unique: true,
        version: '1.1',
        identifiers: [{ type: 'email', value: email, verified: true }],
        ...(n % 5 ? {} : { alt_id: `own-id-${n}` }),
      })),
    ),
  }),
  // clerk.com/docs/guides/development/migrating/export-from-clerk, "Export from the Clerk Dashboard". The columns:
  // clerk/migration-tool, samples/clerk.csv; the tab before a character that starts a formula: clerk/cli,
  // packages/cli-core/src/commands/migrate/sources/clerk.ts.
  clerk: (people) => ({
    name: 'clerk.csv',
    file: table(
      [
        [
          ...['id', 'first_name', 'last_name', 'username', 'primary_email_address', 'primary_phone_number'],
          ...['verified_email_addresses', 'unverified_email_addresses', 'verified_phone_numbers'],
          ...['unverified_phone_numbers', 'totp_secret', 'password_digest', 'password_hasher'],
        ],
        ...people.map(({ n, email, password }) => [
          ...[
            `user_${n}`,
            'Ada',
            'Lovelace',
            `ada${n}`,
            email,
            '\t+15550100',
            `${email}|second-${email}`,
            '',
          ],
          ...['\t+15550100', '', n % 2 ? '' : totpSecret, byBcrypt(password), 'bcrypt'],
        ]),
      ],
      whereNeeded,
    ),
  }),
  // supabase/auth, migrations/ and internal/models/{user,identity,factor}.go, as the statement in docs/migrate.md selects them
  supabase: (people) => ({ name: 'users.json', file: JSON.stringify(people.map(supabaseRow)) }),
  // The same by COPY … TO STDOUT (FORMAT csv, HEADER): PostgreSQL writes t and f, and JSON as text
  'supabase csv': (people) => {
    const rows = people.map(supabaseRow)
    const columns = Object.keys(rows[0] ?? {})
    const text = (value: unknown) =>
      typeof value === 'boolean'
        ? value
          ? 't'
          : 'f'
        : typeof value === 'object' && value
          ? JSON.stringify(value)
          : value
    return {
      name: 'users.csv',
      file: table(
        [columns, ...rows.map((row) => columns.map((name) => text((row as Record<string, unknown>)[name])))],
        whereNeeded,
      ),
    }
  },
  // better-auth/better-auth: packages/core/src/db/get-tables.ts, packages/passkey/src/schema.ts and
  // packages/better-auth/src/plugins/organization/schema.ts, as the statement in docs/migrate.md selects them
  'better-auth': (people) => ({
    name: 'better-auth.json',
    file: JSON.stringify(betterAuthTables(people), null, 1),
  }),
  // The same under the names that packages/cli/src/generators/drizzle.ts gives (convertToSnakeCase, usePlural); `timestamp` has no zone
  'better-auth drizzle': (people) => ({
    name: 'better-auth.json',
    file: JSON.stringify(
      Object.fromEntries(
        Object.entries(betterAuthTables(people)).map(([table, rows]) => [
          `${snakeCase(table)}s`,
          rows.map((row) =>
            Object.fromEntries(
              Object.entries(row).map(([name, value]) => [
                snakeCase(name),
                value === since ? since.replace('Z', '') : value,
              ]),
            ),
          ),
        ]),
      ),
    ),
  }),
  // firebase/firebase-tools, src/commands/auth-export.ts and src/accountExporter.ts (transUserJson)
  firebase: (people) => ({
    name: 'users.json',
    file: `{"users": [\n${people
      .map(({ n, email, password }) => {
        const [passwordHash, salt] = byFirebase(password).split(' ')
        const user = {
          localId: `f${n}`,
          email,
          emailVerified: true,
          passwordHash,
          salt,
          displayName: 'Ada, Countess of Lovelace',
          photoUrl: 'https://example.com/ada.jpg',
          lastSignedInAt: String(Date.parse(since)),
          createdAt: String(Date.parse(since)),
          disabled: false,
          customAttributes: '{"role":"admin"}',
          providerUserInfo: [{ providerId: 'google.com', rawId: `99${n}`, email, displayName: 'Ada' }],
        }
        return JSON.stringify(user, null, 2)
      })
      .join(',\n')}]}`,
  }),
  // keycloak.org/server/importExport; keycloak/keycloak: …/exportimport/util/ExportUtils.java (exportUser), and the credentials:
  // server-spi/…/models/credential/{PasswordCredentialModel,OTPCredentialModel}.java, services/…/WebAuthnCredentialProvider.java
  // (the id in base64, the key in base64url). A secret without secretEncoding is text whose bytes are the key.
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
                id: `00000000-0000-4000-a000-${String(n).padStart(12, '0')}`,
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
                createdDate: Date.parse(since),
                secretData: JSON.stringify({ value: n % 2 ? totpSecret : totpText }),
                credentialData: JSON.stringify({
                  subType: 'totp',
                  digits: 6,
                  counter: 0,
                  period: 30,
                  algorithm: 'HmacSHA1',
                  ...(n % 2 ? { secretEncoding: 'BASE32' } : {}),
                }),
              },
              {
                type: 'webauthn-passwordless',
                userLabel: 'Laptop',
                createdDate: Date.parse(since),
                secretData: '{}',
                credentialData: JSON.stringify({
                  aaguid: '00000000-0000-0000-0000-000000000000',
                  credentialId: Buffer.from(`keycloak ${n}`).toString('base64'),
                  counter: 3,
                  credentialPublicKey: Buffer.alloc(77, n).toString('base64url'),
                  attestationStatementFormat: 'none',
                  transports: ['internal', 'hybrid'],
                }),
              },
            ],
            disableableCredentialTypes: [],
            requiredActions: [],
            federatedIdentities: [{ identityProvider: 'google', userId: `66${n}`, userName: email }],
            realmRoles: ['default-roles-example'],
            notBefore: 0,
            groups: [],
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
      [
        ['ID', 'user_email', 'user_pass', 'display_name', 'email_verified'],
        ...people.map(({ n, email, password }) => [
          ...[n, email, byWordPress(password), 'Ada "Countess" Lovelace', 'true'],
        ]),
      ],
      quoted,
      '\r\n',
    ),
  }),
}

/**
 * docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-using-import-tool-csv-header.html, "Formatting the CSV file":
 * values without quotation marks, a backslash before a comma.
 */
export const cognitoExport = (people: readonly OldPerson[]): string =>
  table(
    [
      [
        ...['cognito:username', 'name', 'given_name', 'family_name', 'middle_name', 'nickname'],
        ...['preferred_username', 'profile', 'picture', 'website', 'email', 'email_verified', 'gender'],
        ...['birthdate', 'zoneinfo', 'locale', 'phone_number', 'phone_number_verified', 'address'],
        ...['updated_at', 'cognito:mfa_enabled', 'custom:plan'],
      ],
      ...people.map(({ n, email }) => [
        ...[
          `ada${n}`,
          'Lovelace, Ada',
          'Ada',
          'Lovelace',
          '',
          'The "Countess"',
          '',
          '',
          '',
          '',
          email,
          'true',
        ],
        ...['', '', '', 'en', '', 'false', '12 St James’s Square, London', String(Date.parse(since))],
        ...['false', 'gold, monthly'],
      ]),
    ],
    (value) => String(value).replaceAll(',', '\\,'),
  )
