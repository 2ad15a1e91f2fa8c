// better-auth: its tables as one JSON object: user, account, and, where their plugins are used, passkey, organization, member and
// twoFactor. Rows are joined by the user's id, so the tables beside `user` are held in memory.
import { CommandError } from '../errors.ts'
import { namedEntriesOf } from './entries.ts'
import {
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

/** Roles of better-auth's organizations in ours; any other is the least one. */
const roles: Readonly<Record<string, string>> = { owner: 'ADMIN', admin: 'ADMIN', member: 'VIEWER' }

interface Rows {
  readonly account: Map<string, Json[]>
  readonly passkey: Map<string, Json[]>
  readonly member: Map<string, Json[]>
  readonly organization: Map<string, Json>
}

const base64Url = (value: unknown) =>
  textOf(value)?.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')

const passkeysOf = (rows: readonly Json[]) =>
  rows.flatMap((row) => {
    const [credential_id, public_key] = [
      base64Url(row.credentialID ?? row.credentialId),
      base64Url(row.publicKey),
    ]
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
    // Unless the application has put another function in, which then says what it is.
    password_hasher: hash && /^[^$:]+:[0-9a-fA-F]+$/.test(hash) ? 'better_auth' : undefined,
    email_verified_at: verifiedAt(user.emailVerified, user.createdAt),
    display_name: nameOf(user.name),
    created_at: instantOf(user.createdAt),
    disabled_at: disabledAt(user.banned),
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
  for await (const { list = '', line, value, refused } of namedEntriesOf(bytes, ...tables)) {
    const row = objectOf(value)
    if (refused) {
      yield { line, refused: `(in ${list}) ${refused}` }
      continue
    }
    if (list === 'user') users.push({ line, user: row })
    else if (list === 'organization') rows.organization.set(textOf(row.id) ?? '', row)
    else if (list === 'twoFactor')
      note(
        'Second factors are left out: better-auth stores their secrets encrypted. Their owners enrol again.',
      )
    else {
      const of = rows[list as 'account' | 'passkey' | 'member']
      const id = textOf(row.userId) ?? ''
      of.set(id, [...(of.get(id) ?? []), row])
    }
  }
  if (users.length === 0) throw new CommandError('The file has no users in a list called user.')
  for (const { line, user } of users) yield { line, value: read(user, project, rows) }
}
