// The two statements of a sign-in: one before the password is checked, one when it was right. Each is a transaction of
// its own unless it runs within one, and each is one round trip however many tables it writes.
import { and, eq, getTableColumns, sql } from 'drizzle-orm'
import { auditEvents } from '../../drizzle/tables/audit-events.ts'
import { knownAddresses } from '../../drizzle/tables/known-addresses.ts'
import { outbox } from '../../drizzle/tables/outbox.ts'
import { sessions } from '../../drizzle/tables/sessions.ts'
import { users } from '../../drizzle/tables/users.ts'
import type { NewAuditEvent } from './audit.ts'
import { type Database, first } from './database.ts'
import type { MailDetails } from './outbox.ts'
import { inSeconds, isLive, now, type SessionState } from './sessions.ts'
import {
  type Counted,
  countedParameters,
  givingBack,
  reserving,
  signInFailuresRepository,
} from './sign-in-failures.ts'
import { isHere, type UserWithPassword } from './users.ts'

/** A session to open, and all that is written with it. */
export interface Opening {
  readonly id: string
  readonly projectId: string
  readonly userId: number
  /** The user's epoch as it was read: if it moved, nothing is opened. */
  readonly epoch: number
  readonly refreshSeconds: number
  readonly absoluteSeconds: number
  readonly userAgent: string | null
  readonly addressPrefix: string | null
  /** What the audit trail calls it. */
  readonly event: NewAuditEvent['event']
  /** Hashes of the address and the device that the user is known by from now on. */
  readonly addressKey: Buffer
  readonly deviceKey: Buffer
  /** Living sessions that the user may have; the oldest end. */
  readonly maxSessions: number
  /** The mail that is owed if the device is new and the user has had a session before; null: none. */
  readonly notice: { readonly id: string; readonly details: MailDetails } | null
  /** The attempt that this success forgives; null: none was paid for. */
  readonly forgiven: Counted | null
}

const parameter = sql.placeholder
const nobody: Counted = {
  keys: [],
  thresholds: { strict: 0, loose: 0, windowSeconds: 0, baseSeconds: 0 },
  accountExempt: false,
}

export function signInsRepository(db: Database) {
  const failures = signInFailuresRepository(db)

  const begin = db.prepared((query) => {
    const found = query.$with('found').as(
      query
        .select({
          ...getTableColumns(users),
          addressKnown: sql<boolean>`exists (select 1 from ${knownAddresses}
            where ${knownAddresses.projectId} = ${users.projectId} and ${knownAddresses.userId} = ${users.id}
              and ${knownAddresses.keyHash} = ${parameter('addressKey')})`.as('address_known'),
        })
        .from(users)
        .where(and(eq(users.projectId, parameter('projectId')), eq(users.email, parameter('email')), isHere)),
    )
    const exempt = sql`(${parameter('accountExempt')}::boolean or coalesce((select address_known from found), false))`
    const reserved = query.$with('reserved', {}).as(reserving(exempt))
    // The count is everybody's at once, and on the disk before anybody is told what it came to: with the session that is
    // opened, or by `keep`. So this commit need not wait for the disk.
    const counted = query
      .$with('counted', { buckets: sql<string>`buckets`.as('buckets') })
      .as(sql`select coalesce(string_agg(bucket, ' '), '') as buckets, set_config('synchronous_commit', 'off', true)
        from reserved`)
    // A row comes back whether or not there is such a user.
    return query
      .with(found, reserved, counted)
      .select()
      .from(counted)
      .leftJoin(found, sql`true`)
      .prepare('sign_in_begin')
  })

  const open = db.prepared((query) => {
    // The user is read again, and held: a password changed since the check opens no session, nor does an account that is gone.
    const opened = query
      .$with('opened', { id: sessions.id, generation: sessions.generation, expiresAt: sessions.expiresAt })
      .as(sql`insert into ${sessions}
          (id, project_id, user_id, epoch, user_agent, address_prefix, expires_at, absolute_expires_at)
        select ${parameter('id')}::uuid, ${users.projectId}, ${users.id}, ${users.epoch},
          ${parameter('userAgent')}::text, ${parameter('addressPrefix')}::text,
          least(${inSeconds('refreshSeconds')}, ${inSeconds('absoluteSeconds')}), ${inSeconds('absoluteSeconds')}
        from ${users}
        where ${users.projectId} = ${parameter('projectId')} and ${users.id} = ${parameter('userId')}
          and ${users.epoch} = ${parameter('epoch')} and ${users.disabledAt} is null and ${users.deletionDueAt} is null
        for key share
        returning *`)
    const written = query.$with('written', {}).as(sql`insert into ${auditEvents}
          (project_id, user_id, session_id, event, user_agent, address_prefix)
        select project_id, user_id, id, ${parameter('event')}::text, user_agent, address_prefix from opened`)
    // At most once a day for the same key.
    const remembered = query
      .$with('remembered', {})
      .as(sql`insert into ${knownAddresses} (project_id, user_id, key_hash)
        select project_id, user_id, key from opened,
          (values (${parameter('addressKey')}::bytea), (${parameter('deviceKey')}::bytea)) as keys(key)
        where not exists (select 1 from ${knownAddresses} where ${knownAddresses.projectId} = opened.project_id
          and ${knownAddresses.userId} = opened.user_id and ${knownAddresses.keyHash} = key
          and ${knownAddresses.lastAt} >= now() - interval '1 day' offset 0)
        order by key
        on conflict (project_id, user_id, key_hash) do update set last_at = now()
        returning key_hash, xmax = 0 as is_new`)
    // Every part sees the moment before the statement: the new session is not among those that may end, nor an earlier one.
    const ended = query
      .$with('ended', {})
      .as(sql`update ${sessions} set revoked_at = now(), revoked_reason = 'limit'
        where ${sessions.id} in (select surplus.id from opened cross join lateral (
          select ${sessions.id} from ${sessions}
          where ${sessions.projectId} = opened.project_id and ${sessions.userId} = opened.user_id
            and ${sessions.epoch} = opened.epoch and ${isLive}
          order by ${sessions.createdAt} desc offset ${parameter('maxSessions')}::int - 1) as surplus)`)
    const owed = query.$with('owed', {}).as(sql`insert into ${outbox} (id, project_id, user_id, kind, details)
        select ${parameter('noticeId')}::uuid, project_id, user_id, 'new_device', ${parameter('noticeDetails')}::jsonb
        from opened join remembered on is_new and key_hash = ${parameter('deviceKey')}
        where ${parameter('noticeId')}::uuid is not null and exists (select 1 from ${sessions}
          where ${sessions.projectId} = opened.project_id and ${sessions.userId} = opened.user_id)`)
    const forgiven = query.$with('forgiven', {}).as(givingBack(sql`exists (select 1 from opened)`))
    return query
      .with(opened, written, remembered, ended, owed, forgiven)
      .select({ id: opened.id, generation: opened.generation, expiresAt: opened.expiresAt, now })
      .from(opened)
      .prepare('sign_in_open')
  })

  return {
    /**
     * Pays for an attempt to sign in and finds who it is about: the account with its password hash, or null. An address
     * that the account has signed in from exempts the account's bucket. Null, and nothing counted, where a bucket is
     * locked. A crash of the database may forget the count until a later commit: `open`, or the failures' `keep`.
     */
    async begin(
      projectId: string,
      email: string,
      addressKey: Buffer,
      counted: Counted,
    ): Promise<{ found: UserWithPassword | null } | null> {
      const named = { ...countedParameters(projectId, counted), email, addressKey }
      const row = first(await begin(named))
      const buckets = row?.counted.buckets.split(' ').filter(Boolean) ?? []
      if (!(await failures.settle(projectId, counted, buckets))) return null
      if (!row?.found) return { found: null }
      const { addressKnown: _, ...user } = row.found
      return { found: user }
    },

    /** Opens a session with all that is written with it; null, and nothing written, if the epoch moved or the user is gone. */
    async open({ notice, forgiven, ...opening }: Opening): Promise<SessionState | null> {
      const named = {
        ...opening,
        ...countedParameters(opening.projectId, forgiven ?? nobody),
        succeeded: true,
        noticeId: notice?.id ?? null,
        noticeDetails: JSON.stringify(notice?.details ?? {}),
      }
      return first(await open(named))
    },
  }
}
