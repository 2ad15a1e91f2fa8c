// Rows of `users` as an operator changes them; every query is led by the project.
import { and, asc, eq, gt, sql } from 'drizzle-orm'
import { auditEvents } from '../../drizzle/tables/audit-events.ts'
import { users } from '../../drizzle/tables/users.ts'
import { type Database, first } from './database.ts'
import { type UserRow, userColumns } from './users.ts'

/** An account that comes from elsewhere; instants as ISO 8601. */
export interface ImportedUser {
  readonly uuid: string
  readonly email: string
  readonly passwordHash: string | null
  readonly emailVerifiedAt: string | null
  readonly displayName: string | null
  readonly firstName: string | null
  readonly lastName: string | null
  readonly role: UserRow['role']
  readonly locale: string | null
  readonly metadata: Record<string, unknown>
  readonly createdAt: string | null
}

export function peopleRepository(db: Database) {
  async function change(projectId: string, id: number, set: object): Promise<UserRow> {
    const row = first(
      await db
        .of(projectId)
        .update(users)
        .set({ ...set, updatedAt: sql`now()` })
        .where(and(eq(users.projectId, projectId), eq(users.id, id)))
        .returning(userColumns),
    )
    if (!row) throw new Error('A user that was held is gone.')
    return row
  }

  return {
    /** Disables the account and ends every session, or enables it; for an account that is held by `users.lock`. */
    setDisabled: (projectId: string, id: number, disabled: boolean): Promise<UserRow> =>
      change(
        projectId,
        id,
        disabled ? { disabledAt: sql`now()`, epoch: sql`${users.epoch} + 1` } : { disabledAt: null },
      ),

    /** For an account that is held by `users.lock`. */
    setRole: (projectId: string, id: number, role: UserRow['role']): Promise<UserRow> =>
      change(projectId, id, { role }),

    list: (projectId: string, after: number | null, limit: number): Promise<UserRow[]> =>
      db
        .of(projectId)
        .select(userColumns)
        .from(users)
        .where(and(eq(users.projectId, projectId), after === null ? undefined : gt(users.id, after)))
        .orderBy(asc(users.id))
        .limit(limit),

    /**
     * Adds those whose address and UUID are free, each with its event, in one statement; returns how many. Of two with
     * one address or UUID the first counts.
     */
    async addMany(projectId: string, people: readonly ImportedUser[]): Promise<number> {
      const taken = new Set<string>()
      const isFirst = ({ email, uuid }: ImportedUser) => {
        if (taken.has(email) || taken.has(uuid)) return false
        taken.add(email).add(uuid)
        return true
      }
      // In one order, whoever adds them: two that bring the same people in different orders would wait for each other.
      const ordered = people
        .filter(isFirst)
        .sort((a, b) => (a.email < b.email ? -1 : Number(a.email > b.email)))
      const rows = await db.of(projectId).execute(sql`with added as (
          insert into ${users} (uuid, project_id, email, password_hash, email_verified_at, display_name, first_name,
            last_name, role, locale, metadata, created_at)
          select uuid, ${projectId}::uuid, email, "passwordHash", "emailVerifiedAt", "displayName", "firstName",
            "lastName", role, locale, metadata, coalesce("createdAt", now())
          from jsonb_to_recordset(${JSON.stringify(ordered)}::text::jsonb) as given(uuid uuid, email text, "passwordHash" text,
            "emailVerifiedAt" timestamptz, "displayName" text, "firstName" text, "lastName" text, role text, locale text,
            metadata jsonb, "createdAt" timestamptz)
          on conflict do nothing returning project_id, id)
        insert into ${auditEvents} (project_id, user_id, event)
        select project_id, id, 'account_created' from added returning 1`)
      return rows.length
    },
  }
}
