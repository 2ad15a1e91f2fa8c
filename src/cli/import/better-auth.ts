// better-auth: its tables as one JSON object: user, account, and, where their plugins are used, passkey, organization, member and
// twoFactor. Rows are joined by the user's id, so the tables beside `user` are held in memory. Names of tables and columns are those
// of better-auth, or as Drizzle's schema has them: in the plural, with underscores.
import { CommandError } from '../errors.ts'
import { namedEntriesOf } from './entries.ts'
import {
  base64UrlOf,
  disabledAt,
  instantOf,
  type Json,
  metadataOf,
  nameOf,
  objectOf,
  type Person,
  personOf,
  providerOf,
  textOf,
  truthOf,
  uuidOf,
  verifiedAt,
} from './fields.ts'
import type { Reader } from './reader.ts'

const tables = ['user', 'account', 'passkey', 'organization', 'member', 'twoFactor'] as const
type Table = (typeof tables)[number]

const bare = (name: string) => name.replaceAll('_', '').toLowerCase()

/** better-auth's names of tables by the others of each. */
const spellings: ReadonlyMap<string, Table> = new Map(
  tables.flatMap((table) =>
    [table, table.replace('F', '_f')].flatMap((name) => [
      [name, table],
      [`${name}s`, table],
    ]),
  ) as [string, Table][],
)

/** Columns that are read, by their names without capitals and underscores: Drizzle's `credential_i_d` is `credentialID`. */
const columns: ReadonlyMap<string, string> = new Map(
  [
    ...['userId', 'accountId', 'providerId', 'organizationId', 'emailVerified', 'createdAt', 'phoneNumber'],
    ...['credentialID', 'publicKey', 'deviceType', 'backedUp', 'banExpires', 'isAnonymous'],
  ].map((name) => [bare(name), name]),
)

const rowOf = (value: unknown): Json =>
  Object.fromEntries(
    Object.entries(objectOf(value)).map(([name, one]) => [columns.get(bare(name)) ?? name, one]),
  )

/** Roles of better-auth's organizations in ours; any other is the least one. */
const roles: Readonly<Record<string, string>> = { owner: 'ADMIN', admin: 'ADMIN', member: 'VIEWER' }

interface Rows {
  readonly account: Map<string, Json[]>
  readonly passkey: Map<string, Json[]>
  readonly member: Map<string, Json[]>
  readonly organization: Map<string, Json>
}

const passkeysOf = (rows: readonly Json[]) =>
  rows.flatMap((row) => {
    const [credential_id, public_key] = [base64UrlOf(row.credentialID), base64UrlOf(row.publicKey)]
    if (!credential_id || !public_key) return []
    const isSynced = row.deviceType === 'multiDevice'
    return [
      {
        credential_id,
        public_key,
        ...(textOf(row.name) && { name: textOf(row.name)?.slice(0, 100) }),
        ...(textOf(row.aaguid) && { aaguid: textOf(row.aaguid) }),
        transports: (textOf(row.transports) ?? '').split(',').filter(Boolean),
        backup_eligible: isSynced,
        backed_up: truthOf(row.backedUp),
        sign_count: typeof row.counter === 'number' ? row.counter : 0,
        created_at: instantOf(row.createdAt) ?? null,
      },
    ]
  })

const teamsOf = (project: string, members: readonly Json[], organizations: Rows['organization']) =>
  members.flatMap((member) => {
    const id = textOf(member.organizationId)
    const organization = id ? organizations.get(id) : undefined
    if (!id || !organization) return []
    const held = (textOf(member.role) ?? 'member').split(',').map((role) => roles[role.trim()] ?? 'VIEWER')
    return [
      {
        id: uuidOf(project, 'better-auth organization', id),
        name: (textOf(organization.name) ?? id).slice(0, 100),
        role: held.includes('ADMIN') ? 'ADMIN' : 'VIEWER',
        created_at: instantOf(organization.createdAt) ?? null,
        joined_at: instantOf(member.createdAt) ?? null,
      },
    ]
  })

/** A ban may be over. */
function isBanned({ banned, banExpires }: Json): boolean {
  const until = instantOf(banExpires)
  return truthOf(banned) && (until === undefined || Date.parse(until) > Date.now())
}

function read(user: Json, project: string, rows: Rows): Person {
  const id = textOf(user.id) ?? ''
  const accounts = rows.account.get(id) ?? []
  const hash = textOf(accounts.find(({ providerId }) => providerId === 'credential')?.password)
  const identities = accounts.flatMap(({ providerId, accountId, createdAt }) => {
    const subject = textOf(accountId)
    return providerId === 'credential' || !subject
      ? []
      : [{ provider: providerOf(providerId), subject, created_at: instantOf(createdAt) ?? null }]
  })
  return personOf({
    email: textOf(user.email) ?? '',
    password_hash: hash,
    // An application may hash by a function of its own, whose hashes have another form and must name their algorithm.
    password_hasher: hash && /^[^$:]+:[0-9a-fA-F]+$/.test(hash) ? 'better_auth' : undefined,
    email_verified_at: verifiedAt(user.emailVerified, user.createdAt),
    display_name: nameOf(user.name),
    created_at: instantOf(user.createdAt),
    disabled_at: isBanned(user) ? disabledAt(true) : undefined,
    metadata: metadataOf({
      better_auth_id: id,
      username: textOf(user.username),
      phone: textOf(user.phoneNumber),
    }),
    identities,
    passkeys: passkeysOf(rows.passkey.get(id) ?? []),
    teams: teamsOf(project, rows.member.get(id) ?? [], rows.organization),
  })
}

export const betterAuth: Reader = async function* (bytes, { project, note }) {
  const rows: Rows = { account: new Map(), passkey: new Map(), member: new Map(), organization: new Map() }
  const users: { readonly line: number; readonly user: Json }[] = []
  for await (const { list = '', line, value, refused } of namedEntriesOf(bytes, ...spellings.keys())) {
    const [table, row] = [spellings.get(list), rowOf(value)]
    if (refused) {
      yield { line, refused: `(in ${list}) ${refused}` }
      continue
    }
    if (table === 'user' && truthOf(row.isAnonymous)) note('Anonymous users are passed over.')
    else if (table === 'user') users.push({ line, user: row })
    else if (table === 'organization') rows.organization.set(textOf(row.id) ?? '', row)
    else if (table === 'twoFactor')
      note(
        'Second factors are left out: better-auth stores their secrets encrypted. Their owners enrol again.',
      )
    else if (table) {
      const of = rows[table]
      const id = textOf(row.userId) ?? ''
      of.set(id, [...(of.get(id) ?? []), row])
    }
  }
  if (users.length === 0) throw new CommandError('The file has no users in a list called user.')
  for (const { line, user } of users) yield { line, value: read(user, project, rows) }
}
