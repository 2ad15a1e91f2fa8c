// The two statements of a sign-in: one before the password is checked, and one after it was correct. Each is a single round trip,
// however many tables it writes, and a transaction of its own unless it runs in one.
import { and, eq, getTableColumns, type SQL, sql } from 'drizzle-orm'
import type { WithSubquery } from 'drizzle-orm/subquery'
import { auditEvents } from '../../../drizzle/tables/audit-events.ts'
import { knownAddresses } from '../../../drizzle/tables/known-addresses.ts'
import { outbox } from '../../../drizzle/tables/outbox.ts'
import { securityLog } from '../../../drizzle/tables/security-log.ts'
import { sessions } from '../../../drizzle/tables/sessions.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { isUndeleted, thisUser, type UserWithPassword } from '../accounts/users.ts'
import type { LogCircumstances } from '../audit/security-log.ts'
import { now, own, parameter, parameters, pick, secondsFromNow } from '../conditions.ts'
import { touching, type UsedPasskey } from '../credentials/passkeys.ts'
import { type AuditEventName, type Database, first, prepared, type Queries } from '../database.ts'
import { type CountedMail, reservingMail } from '../mail/mail-counts.ts'
import type { MailDetails } from '../mail/mail-queue.ts'
import {
  type Counted,
  type CountedAttempt,
  checkReserved,
  countedParameters,
  releasing,
  reserving,
} from '../throttling/sign-in-failures.ts'
import { isLive, type SessionClient, type SessionState } from './sessions.ts'

/** A session to open, with everything that the same statement writes. */
export interface NewSession {
  readonly id: string
  readonly userId: number
  /** The epoch of the user when they were authenticated. If it has changed since, nothing is written. */
  readonly epoch: number
  readonly client: SessionClient
  /** Authentication methods (RFC 8176), separated by spaces. */
  readonly amr: string
  readonly acr: SessionState['acr']
  readonly refreshSeconds: number
  readonly absoluteSeconds: number
  readonly userAgent: string | null
  readonly addressPrefix: string | null
  /** The event for the audit trail. */
  readonly event: AuditEventName
  /** UUID of the account, for the security log. */
  readonly account: string
  readonly logged: Pick<LogCircumstances, 'actor' | 'details'>
  /** HMACs of the client's address and device, which become known to the account. */
  readonly addressKey: Buffer
  readonly deviceKey: Buffer
  /** Active sessions of the user at most; the oldest ones end. */
  readonly maxSessions: number
  /** The mail that is queued if the device is new and the user has had a session before; null: no mail. */
  readonly notice: { readonly id: string; readonly details: MailDetails } | null
  /** The count of that mail for the limits of its recipient. */
  readonly noticeCount: CountedMail
  /** The reserved attempt that succeeded, to be released; null: none was reserved. */
  readonly attempt: CountedAttempt | null
  /** The passkey of the sign-in, to be marked as used. If its counter went back, nothing is written. Null: no passkey. */
  readonly passkey: UsedPasskey | null
}

const noAttempt: CountedAttempt = {
  keys: [],
  thresholds: { strict: 0, loose: 0, windowSeconds: 0, baseSeconds: 0 },
  accountExempt: false,
}

const begin = prepared((query) => {
  const found = query.$with('found').as(
    query
      .select({
        ...getTableColumns(users),
        addressKnown: sql<boolean>`exists (select 1 from ${knownAddresses}
          where ${knownAddresses.projectId} = ${users.projectId} and ${knownAddresses.userId} = ${users.id}
            and ${knownAddresses.keyHash} = ${parameter('addressKey')})`.as('address_known'),
      })
      .from(users)
      .where(and(own(users, parameters), eq(users.email, parameter('email')), isUndeleted)),
  )
  const exempt = sql`(${parameter('accountExempt')}::boolean or coalesce((select address_known from found), false))`
  const reserved = query.$with('reserved', {}).as(reserving(exempt))
  // This commit need not wait for the disk: the count is visible immediately, and a later commit flushes it before the response
  // (`insertSession`, or the refusal in the security log).
  const counted = query
    .$with('counted', { buckets: sql<string>`buckets`.as('buckets') })
    .as(sql`select coalesce(json_object_agg(bucket, attempts), '{}')::text as buckets, set_config('synchronous_commit', 'off', true)
      from reserved`)
  // Returns a row whether or not there is such a user.
  return query
    .with(found, reserved, counted)
    .select()
    .from(counted)
    .leftJoin(found, sql`true`)
    .prepare('sign_in_begin')
})

const openedColumns = pick(sessions, 'id', 'generation', 'expiresAt', 'client', 'amr', 'acr', 'authTime')

/** Inserts the known address and device of the session `opened`; each key is updated at most once a day. */
const knowing = sql`insert into ${knownAddresses} (project_id, user_id, key_hash)
      select project_id, user_id, key from opened,
        (values (${parameter('addressKey')}::bytea), (${parameter('deviceKey')}::bytea)) as keys(key)
      where not exists (select 1 from ${knownAddresses} where ${knownAddresses.projectId} = opened.project_id
        and ${knownAddresses.userId} = opened.user_id and ${knownAddresses.keyHash} = key
        and ${knownAddresses.lastAt} >= now() - interval '1 day' offset 0)
      order by key
      on conflict (project_id, user_id, key_hash) do update set last_at = now()
      returning key_hash, xmax = 0 as is_new`

/**
 * Ends sessions beyond the limit. All parts of the statement see the rows from before it, so the new session is not among those
 * that can end.
 */
const ending = sql`update ${sessions} set revoked_at = now(), revoked_reason = 'limit'
      where ${sessions.id} in (select surplus.id from opened cross join lateral (
        select ${sessions.id} from ${sessions}
        where ${sessions.projectId} = opened.project_id and ${sessions.userId} = opened.user_id
          and ${sessions.epoch} = opened.epoch and ${isLive}
        order by ${sessions.createdAt} desc offset ${parameter('maxSessions')}::int - 1) as surplus)`

/** The user, read again and locked: no session opens if the password changed since the check, or the account is gone. */
const lockedUser = sql`${users} where ${thisUser(parameters, parameter('userId'))}
        and ${users.epoch} = ${parameter('epoch')} and ${users.disabledAt} is null and ${users.deletionDueAt} is null for key share`

/**
 * Inserts the session of one row of `users`, with all that is written with it.
 * @param source that row: what follows "from", with its conditions
 * @param before parts of the statement that `source` needs
 */
function inserting(query: Queries, source: SQL, ...before: WithSubquery[]) {
  const absoluteEnd = secondsFromNow(parameter('absoluteSeconds'))
  const opened = query.$with('opened', openedColumns).as(sql`insert into ${sessions}
        (id, project_id, user_id, epoch, client, amr, acr, user_agent, address_prefix, expires_at, absolute_expires_at)
      select ${parameter('id')}::uuid, ${users.projectId}, ${users.id}, ${users.epoch},
        ${parameter('client')}::text, ${parameter('amr')}::text, ${parameter('acr')}::text, ${parameter('userAgent')}::text, ${parameter('addressPrefix')}::text,
        least(${secondsFromNow(parameter('refreshSeconds'))}, ${absoluteEnd}), ${absoluteEnd}
      from ${source}
      returning *`)
  const written = query.$with('written', {}).as(sql`insert into ${auditEvents}
        (project_id, user_id, session_id, event, user_agent, address_prefix)
      select project_id, user_id, id, ${parameter('event')}::text, user_agent, address_prefix from opened`)
  const logged = query.$with('logged', {}).as(sql`insert into ${securityLog}
        (project_id, event, actor, account, session_id, user_agent, address_prefix, details)
      select project_id, ${parameter('event')}::text, ${parameter('actor')}::text, ${parameter('account')}::uuid, id,
        user_agent, address_prefix, ${parameter('logDetails')}::jsonb from opened`)
  const known = query.$with('known', {}).as(knowing)
  const ended = query.$with('ended', {}).as(ending)
  const reserved = query.$with('mail_reserved', {}).as(
    reservingMail(sql`from opened join known on is_new and known.key_hash = ${parameter('deviceKey')}
      where ${parameter('noticeId')}::uuid is not null and exists (select 1 from ${sessions}
        where ${sessions.projectId} = opened.project_id and ${sessions.userId} = opened.user_id)`),
  )
  const queued = query
    .$with('queued', {})
    .as(sql`insert into ${outbox} (id, project_id, user_id, kind, details)
      select ${parameter('noticeId')}::uuid, project_id, user_id, 'new_device', ${parameter('noticeDetails')}::jsonb
      from opened cross join mail_reserved`)
  const released = query.$with('released', {}).as(releasing(sql`exists (select 1 from opened)`))
  return query
    .with(...before, opened, written, logged, known, ended, reserved, queued, released)
    .select({
      id: opened.id,
      generation: opened.generation,
      expiresAt: opened.expiresAt,
      client: opened.client,
      amr: opened.amr,
      acr: opened.acr,
      authTime: opened.authTime,
      now,
    })
    .from(opened)
}

const insert = prepared((query) => inserting(query, lockedUser).prepare('sign_in_open'))

const insertByPasskey = prepared((query) => {
  const locked = query.$with('locked', {}).as(sql`select * from ${lockedUser}`)
  const touched = query.$with('touched').as(touching(query, sql`exists (select 1 from locked)`))
  const source = sql`locked as users where exists (select 1 from touched)`
  return inserting(query, source, locked, touched).prepare('sign_in_open_by_passkey')
})

/**
 * Reserves an attempt to sign in, and finds the account of an address with its password hash. The account's bucket does not lock a
 * client address from which the account has signed in before.
 * @param addressKey HMAC of the client's address
 * @returns null, without a count: a bucket is locked; `found` is null if there is no such account. A crash of the database can lose
 *   the count before the next commit: `insertSession`, or the refusal in the security log.
 */
export async function beginSignIn(
  db: Database,
  email: string,
  addressKey: Buffer,
  counted: CountedAttempt,
): Promise<(Counted & { found: UserWithPassword | null }) | null> {
  const row = await first(begin(db, { ...countedParameters(counted), email, addressKey }))
  const reserved = await checkReserved(db, counted, JSON.parse(row?.counted.buckets ?? '{}'))
  if (!reserved) return null
  if (!row?.found) return { ...reserved, found: null }
  const { addressKnown: _, ...user } = row.found
  return { ...reserved, found: user }
}

/**
 * Opens a session, with everything that belongs to it.
 * @returns null, without a change: the epoch has changed, the user is gone, or the passkey's counter went back
 */
export async function insertSession(
  db: Database,
  { notice, noticeCount, attempt, logged, passkey, ...session }: NewSession,
): Promise<SessionState | null> {
  const statement = passkey ? insertByPasskey : insert
  const opened = await first(
    statement(db, {
      ...session,
      ...passkey,
      ...noticeCount,
      actor: logged.actor,
      logDetails: JSON.stringify(logged.details),
      ...countedParameters(attempt ?? noAttempt),
      succeeded: true,
      noticeId: notice?.id ?? null,
      noticeDetails: JSON.stringify(notice?.details ?? {}),
    }),
  )
  if (opened) db.recorded(session.event)
  return opened && { ...opened, impersonator: null }
}
