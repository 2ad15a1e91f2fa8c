// Rows of `outbox`: mails that are queued, taken by the mail job under a lease, and sent or given up.
import { randomUUID } from 'node:crypto'
import { and, asc, eq, inArray, isNotNull, isNull, lte, type SQL, sql } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import { outbox } from '../../../drizzle/tables/outbox.ts'
import { users } from '../../../drizzle/tables/users.ts'
import type { ClaimKey } from '../accounts/claims.ts'
import { type UserRow, userColumns } from '../accounts/users.ts'
import { now, own, parameter, parametersOf, secondsFromNow } from '../conditions.ts'
import { type Database, hasRows, prepared, type UnscopedDatabase } from '../database.ts'
import { type CountedMail, reservingMail } from './mail-counts.ts'

export type OutboxRow = typeof outbox.$inferSelect
export type MailKind = OutboxRow['kind']
export type MailDetails = OutboxRow['details']

/** A mail under lease with its current account; null: it was queued for an address without an account. */
export type TakenMail = OutboxRow & { readonly user: UserRow | null }

const insert = prepared((query) =>
  query
    .insert(outbox)
    .values({
      ...parametersOf('id', 'projectId', 'userId', 'kind', 'recipient'),
      details: sql`${parameter('details')}::jsonb`,
    })
    .prepare('outbox_owe'),
)

interface NewMail<Kind extends MailKind> {
  readonly id: string
  readonly kind: Kind
  readonly details?: MailDetails
}

/** Queues a mail to an account. @param mail.recipient default: the account's address at the time of sending */
export async function queueMail(
  db: Database,
  mail: NewMail<MailKind> & { readonly userId: number; readonly recipient?: string },
): Promise<void> {
  const { recipient = null, details = {} } = mail
  await insert(db, { ...mail, recipient, details: JSON.stringify(details) })
}

const insertCounted = prepared((query) => {
  const reserved = query.$with('mail_reserved', {}).as(reservingMail(sql``))
  const queued = query
    .$with('queued', { id: sql<string>`id`.as('id') })
    .as(sql`insert into ${outbox} (id, project_id, user_id, kind, recipient, details)
      select ${parameter('id')}::uuid, ${parameter('projectId')}::uuid, ${parameter('userId')}::bigint,
        ${parameter('kind')}::text, ${parameter('recipient')}::text, ${parameter('details')}::jsonb
      from mail_reserved returning id`)
  return query.with(reserved, queued).select().from(queued).prepare('outbox_owe_counted')
})

/**
 * Counts a mail to an account for its recipient, and queues it if the limits allow it, in one statement.
 * @returns whether it is queued
 */
export function queueCountedMail(
  db: Database,
  mail: NewMail<MailKind> & { readonly userId: number; readonly recipient?: string },
  counted: CountedMail,
): Promise<boolean> {
  const { recipient = null, details = {} } = mail
  return hasRows(insertCounted(db, { ...mail, ...counted, recipient, details: JSON.stringify(details) }))
}

/**
 * Queues a mail to the account of an address, unless there is none or it is disabled: one statement in all cases. A verification mail
 * is queued only for unproven addresses, a notice only for proven ones.
 * @param options.withoutPassword only to an account without a password; default: false
 * @returns whether the mail is queued
 */
export async function queueMailByEmail(
  db: Database,
  mail: NewMail<'verify_email' | 'reset_password' | 'sign_in_failures'> & { readonly email: string },
  options: { readonly withoutPassword?: boolean } = {},
): Promise<boolean> {
  const { id, email, kind, details = {} } = mail
  const isMeant = {
    verify_email: isNull(users.emailVerifiedAt),
    reset_password: undefined,
    sign_in_failures: isNotNull(users.emailVerifiedAt),
  }[kind]
  const hasNone = options.withoutPassword ? isNull(users.passwordHash) : undefined
  const queued = db.queries.execute(sql`insert into ${outbox} (id, project_id, user_id, kind, details)
    select ${id}::uuid, ${users.projectId}, ${users.id}, ${kind}::text, ${JSON.stringify(details)}::jsonb
    from ${users} where ${and(own(users, db), eq(users.email, email), isNull(users.disabledAt), isMeant, hasNone)} returning 1`)
  return hasRows(queued)
}

/** Queues a mail to an address, with or without an account: one statement in both cases. */
export async function queueMailToAddress(
  db: Database,
  mail: NewMail<'register'> & { readonly email: string },
): Promise<void> {
  const { email: recipient, ...row } = mail
  const account = and(own(users, db), eq(users.email, recipient))
  const userId = sql`(select ${users.id} from ${users} where ${account} for key share)`
  await db.queries.insert(outbox).values({ ...row, projectId: db.projectId, userId, recipient })
}

/**
 * Queues the mail of a sign-in to the account of an address, unless it is disabled: one statement in all cases.
 * @param isForAnyone also to an address without an account
 */
export async function queueSignInMail(
  db: Database,
  { id, email, details }: Omit<NewMail<'sign_in_code'>, 'kind'> & { readonly email: string },
  isForAnyone: boolean,
): Promise<void> {
  const account = and(own(users, db), eq(users.email, email))
  await db.queries.execute(sql`insert into ${outbox} (id, project_id, user_id, kind, recipient, details)
    select ${id}::uuid, ${db.projectId}::uuid, owner.id, 'sign_in_code', ${email}::text, ${JSON.stringify(details)}::jsonb
    from (select (select ${users.id} from ${users} where ${account} and ${isNull(users.disabledAt)} for key share) as id) owner
    where owner.id is not null or (${isForAnyone}::boolean and not exists (select from ${users} where ${account}))`)
}

/** Queues the notice to an address whose account is deleted in the same transaction. */
export async function queueMailToFormer(
  db: Database,
  { email, locale }: Pick<UserRow, 'email' | 'locale'>,
): Promise<void> {
  const details = JSON.stringify(locale ? { locale } : {})
  await insert(db, { id: randomUUID(), kind: 'account_deleted', userId: null, recipient: email, details })
}

/** Queues the verification mail of a claim on an address, which has no account yet. */
export async function queueMailOfClaim(
  db: Database,
  claim: ClaimKey,
  email: string,
  details: MailDetails,
): Promise<void> {
  await insert(db, {
    id: randomUUID(),
    kind: 'verify_email',
    userId: null,
    recipient: email,
    details: JSON.stringify({ ...details, claimId: claim.id, claimSerial: claim.serial }),
  })
}

/** Mails that are neither sent nor given up. */
export const isOwed = and(isNull(outbox.sentAt), isNull(outbox.deadAt))
export const isDue = lte(outbox.nextAttemptAt, now)

/** An attempt to send a mail. */
type Attempt = Pick<OutboxRow, 'id' | 'attempts'>
const thisAttempt = ({ id, attempts }: Attempt) => and(eq(outbox.id, id), eq(outbox.attempts, attempts))

async function update(
  db: UnscopedDatabase,
  where: SQL | undefined,
  change: PgUpdateSetSource<typeof outbox>,
): Promise<void> {
  await db.queries.update(outbox).set(change).where(where)
}

/**
 * Takes up to `limit` due mails under a lease of `leaseSeconds`; two jobs never take the same mail. The last error of a mail is null
 * during the lease.
 */
export async function takeMails(
  db: UnscopedDatabase,
  limit: number,
  leaseSeconds: number,
): Promise<TakenMail[]> {
  const { queries } = db
  const due = queries
    .$with('due')
    .as(
      queries
        .select({ id: outbox.id })
        .from(outbox)
        .where(and(isOwed, isDue))
        .orderBy(asc(outbox.nextAttemptAt))
        .limit(limit)
        .for('update', { skipLocked: true }),
    )
  const attempts = sql`${outbox.attempts} + 1`
  const rows = await queries
    .with(due)
    .update(outbox)
    .set({ attempts, lastError: null, nextAttemptAt: secondsFromNow(leaseSeconds) })
    .where(inArray(outbox.id, queries.select({ id: due.id }).from(due)))
    .returning()
  if (rows.length === 0) return []
  const isOwner = inArray(users.id, [...new Set(rows.flatMap(({ userId }) => userId ?? []))])
  const owners = await queries.select(userColumns).from(users).where(isOwner)
  const byId = new Map(owners.map((user) => [user.id, user]))
  // If an account was deleted between the statements, its mail was deleted with it.
  return rows.flatMap((row): TakenMail[] => {
    if (row.userId === null) return [{ ...row, user: null }]
    const user = byId.get(row.userId)
    return user ? [{ ...row, user }] : []
  })
}

export function markMailsSent(db: UnscopedDatabase, ids: readonly string[]): Promise<void> {
  return update(db, inArray(outbox.id, [...ids]), { sentAt: now, deadAt: null, lastError: null })
}

/**
 * Marks an attempt as failed, unless another job has taken the mail since.
 * @param lastError must contain no part of the mail
 * @param delaySeconds until the next attempt
 * @param dead whether the mail is given up
 */
export function markMailFailed(
  db: UnscopedDatabase,
  attempt: Attempt,
  lastError: string,
  delaySeconds: number,
  dead: boolean,
): Promise<void> {
  const change = { lastError, nextAttemptAt: secondsFromNow(delaySeconds), deadAt: dead ? now : null }
  return update(db, and(thisAttempt(attempt), isNull(outbox.sentAt)), change)
}

/** Returns a mail without counting the attempt, because the failure did not concern the mail. Parameters as in `markMailFailed`. */
export function returnMail(
  db: UnscopedDatabase,
  attempt: Attempt,
  lastError: string,
  delaySeconds: number,
): Promise<void> {
  const change = { attempts: attempt.attempts - 1, lastError, nextAttemptAt: secondsFromNow(delaySeconds) }
  return update(db, and(thisAttempt(attempt), isOwed), change)
}
