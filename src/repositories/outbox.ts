// Rows of `outbox`: mail owed, taken by a courier, sent or given up.
import { and, asc, count, eq, inArray, isNotNull, isNull, lte, or, type SQL, sql } from 'drizzle-orm'
import { outbox } from '../../drizzle/tables/outbox.ts'
import { users } from '../../drizzle/tables/users.ts'
import { type Database, parts, type Queries } from './database.ts'
import { type UserRow, userColumns } from './users.ts'

export type OutboxRow = typeof outbox.$inferSelect
export type MailKind = OutboxRow['kind']
export type MailDetails = OutboxRow['details']

/** A mail that a courier holds, with the account it is for as it is now; null where it is for none. */
export type TakenMail = OutboxRow & { readonly user: UserRow | null }

/** A mail as an operator sees it. */
export type ListedMail = Pick<
  OutboxRow,
  'id' | 'projectId' | 'kind' | 'attempts' | 'createdAt' | 'nextAttemptAt' | 'deadAt' | 'lastError'
> & { readonly to: string }

const given = sql.placeholder
const owed = {
  ...{ id: given('id'), projectId: given('projectId'), userId: given('userId'), kind: given('kind') },
  ...{ recipient: given('recipient'), details: sql`${given('details')}::jsonb` },
}

export function outboxRepository(db: Database) {
  const owe = db.prepared((query) => query.insert(outbox).values(owed).prepare('outbox_owe'))
  return {
    async owe(mail: {
      id: string
      projectId: string
      userId: number
      kind: MailKind
      recipient?: string
      details?: MailDetails
    }): Promise<void> {
      const { recipient = null, details = {} } = mail
      await owe({ ...mail, recipient, details: JSON.stringify(details) })
    },

    /**
     * Owes a mail to an address if an account stands behind it that may get one: one statement either way. Verification
     * is owed to unproven addresses alone.
     */
    async oweByEmail(mail: {
      id: string
      projectId: string
      email: string
      kind: 'verify_email' | 'reset_password'
      details?: MailDetails
    }): Promise<void> {
      await db
        .of(mail.projectId)
        .insert(outbox)
        .select(
          parts
            .select({
              id: sql`${mail.id}::uuid`.as('id'),
              projectId: users.projectId,
              userId: users.id,
              kind: sql`${mail.kind}::text`.as('kind'),
              recipient: sql`null::text`.as('recipient'),
              details: sql`${JSON.stringify(mail.details ?? {})}::jsonb`.as('details'),
              attempts: sql`0`.as('attempts'),
              createdAt: sql`now()`.as('created_at'),
              nextAttemptAt: sql`now()`.as('next_attempt_at'),
              sentAt: sql`null::timestamptz`.as('sent_at'),
              deadAt: sql`null::timestamptz`.as('dead_at'),
              lastError: sql`null::text`.as('last_error'),
            })
            .from(users)
            .where(
              and(
                eq(users.projectId, mail.projectId),
                eq(users.email, mail.email),
                isNull(users.disabledAt),
                mail.kind === 'verify_email' ? isNull(users.emailVerifiedAt) : undefined,
              ),
            ),
        )
    },

    /** Owes a mail to an address whether or not there is an account, for the account if there is one: one statement. */
    async oweToAddress(mail: {
      id: string
      projectId: string
      email: string
      kind: 'register'
      details: MailDetails
    }): Promise<void> {
      const owner = sql`(select ${users.id} from ${users}
        where ${users.projectId} = ${mail.projectId} and ${users.email} = ${mail.email} for key share)`
      const { id, projectId, email: recipient, kind, details } = mail
      await db.of(projectId).insert(outbox).values({ id, projectId, userId: owner, recipient, kind, details })
    },
  }
}

/** The mail of every project, for the courier and the operator. */
export function mailroomRepository(db: Queries) {
  const isOwed = and(isNull(outbox.sentAt), isNull(outbox.deadAt))
  const isDead = and(isNull(outbox.sentAt), isNotNull(outbox.deadAt))
  /** Not in the hands of a courier: dead, due, or put back with a reason. */
  const isIdle = or(
    isNotNull(outbox.deadAt),
    isNotNull(outbox.lastError),
    lte(outbox.nextAttemptAt, sql`now()`),
  )

  async function putBackNow(where: SQL | undefined): Promise<number> {
    const rows = await db
      .update(outbox)
      .set({ deadAt: null, attempts: 0, nextAttemptAt: sql`now()` })
      .where(and(isNull(outbox.sentAt), where))
      .returning({ id: outbox.id })
    return rows.length
  }

  return {
    /**
     * Takes up to `limit` owed mails for `leaseSeconds`; several couriers never take the same one. While one is held its
     * last error is empty.
     */
    async take(limit: number, leaseSeconds: number): Promise<TakenMail[]> {
      const due = db.$with('due').as(
        db
          .select({ id: outbox.id })
          .from(outbox)
          .where(and(isOwed, lte(outbox.nextAttemptAt, sql`now()`)))
          .orderBy(asc(outbox.nextAttemptAt))
          .limit(limit)
          .for('update', { skipLocked: true }),
      )
      const rows = await db
        .with(due)
        .update(outbox)
        .set({
          attempts: sql`${outbox.attempts} + 1`,
          lastError: null,
          nextAttemptAt: sql`now() + make_interval(secs => ${leaseSeconds}::int)`,
        })
        .where(inArray(outbox.id, db.select({ id: due.id }).from(due)))
        .returning()
      if (rows.length === 0) return []
      const owners = await db
        .select(userColumns)
        .from(users)
        .where(inArray(users.id, [...new Set(rows.flatMap(({ userId }) => userId ?? []))]))
      const byId = new Map(owners.map((user) => [user.id, user]))
      // An account that was deleted in between took its mail along.
      return rows.flatMap((row): TakenMail[] => {
        if (row.userId === null) return [{ ...row, user: null }]
        const user = byId.get(row.userId)
        return user ? [{ ...row, user }] : []
      })
    },

    async markSent(ids: readonly string[]): Promise<void> {
      await db
        .update(outbox)
        .set({ sentAt: sql`now()`, deadAt: null, lastError: null })
        .where(inArray(outbox.id, [...ids]))
    },

    /**
     * Puts the mail back for `delaySeconds`, or gives it up when `dead`, unless another courier took it since.
     * `reason` holds no part of the mail.
     */
    async markFailed(
      { id, attempts }: Pick<OutboxRow, 'id' | 'attempts'>,
      reason: string,
      delaySeconds: number,
      dead: boolean,
    ): Promise<void> {
      await db
        .update(outbox)
        .set({
          lastError: reason,
          nextAttemptAt: sql`now() + make_interval(secs => ${delaySeconds}::int)`,
          deadAt: dead ? sql`now()` : null,
        })
        .where(and(eq(outbox.id, id), eq(outbox.attempts, attempts), isNull(outbox.sentAt)))
    },

    /** Puts the mail back as if it had not been tried: what failed was not about it. */
    async putBack(
      { id, attempts }: Pick<OutboxRow, 'id' | 'attempts'>,
      reason: string,
      delaySeconds: number,
    ): Promise<void> {
      await db
        .update(outbox)
        .set({
          attempts: attempts - 1,
          lastError: reason,
          nextAttemptAt: sql`now() + make_interval(secs => ${delaySeconds}::int)`,
        })
        .where(and(eq(outbox.id, id), eq(outbox.attempts, attempts), isOwed))
    },

    /** What is owed, or what was given up, the oldest first; and how many there are in all. */
    async list(state: 'owed' | 'dead', limit: number): Promise<{ mails: ListedMail[]; total: number }> {
      const where = state === 'dead' ? isDead : isOwed
      const mails = await db
        .select({
          id: outbox.id,
          projectId: outbox.projectId,
          kind: outbox.kind,
          to: sql<string>`coalesce(${outbox.recipient}, ${users.email})`,
          attempts: outbox.attempts,
          createdAt: outbox.createdAt,
          nextAttemptAt: outbox.nextAttemptAt,
          deadAt: outbox.deadAt,
          lastError: outbox.lastError,
        })
        .from(outbox)
        .leftJoin(users, eq(users.id, outbox.userId))
        .where(where)
        .orderBy(asc(outbox.createdAt))
        .limit(limit)
      const [counted] = await db.select({ total: count() }).from(outbox).where(where)
      return { mails, total: counted?.total ?? 0 }
    },

    /** How much mail is owed and given up, and the age of the oldest that is owed, in seconds; 0 where none is. */
    async standing(): Promise<{ owed: number; dead: number; oldestSeconds: number }> {
      const [row] = await db
        .select({
          owed: count(),
          oldestSeconds: sql<number>`coalesce(extract(epoch from now() - min(${outbox.createdAt})), 0)::float8`,
          dead: sql<number>`(select count(*)::int from ${outbox} where ${isDead})`,
        })
        .from(outbox)
        .where(isOwed)
      return { owed: row?.owed ?? 0, dead: row?.dead ?? 0, oldestSeconds: row?.oldestSeconds ?? 0 }
    },

    /** Makes a mail due now, with all its attempts; says why it could not. A courier's mail is left to it. */
    async retry(id: string): Promise<'due' | 'unknown' | 'sent' | 'under_way'> {
      if ((await putBackNow(and(eq(outbox.id, id), isIdle))) > 0) return 'due'
      const [row] = await db.select({ sentAt: outbox.sentAt }).from(outbox).where(eq(outbox.id, id))
      if (!row) return 'unknown'
      return row.sentAt ? 'sent' : 'under_way'
    },

    /** Makes every mail that was given up due now; returns how many. */
    retryAllDead: (): Promise<number> => putBackNow(isNotNull(outbox.deadAt)),
  }
}
