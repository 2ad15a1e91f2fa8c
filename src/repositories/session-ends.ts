// The end of a row of `sessions`: one that was revoked stays so, and says why.
import { and, eq, isNull, ne, type SQL, sql } from 'drizzle-orm'
import { sessions } from '../../drizzle/tables/sessions.ts'
import { users } from '../../drizzle/tables/users.ts'
import type { Database } from './database.ts'
import { alive, thisSession } from './sessions.ts'

export function sessionEndsRepository(db: Database) {
  /** Ends those of the user's living sessions that `which` names, in one statement; returns their ids. */
  async function endOwn(projectId: string, userId: number, which: SQL): Promise<string[]> {
    const rows = await db
      .of(projectId)
      .update(sessions)
      .set({ revokedAt: sql`now()`, revokedReason: 'owner' })
      .from(users)
      .where(and(eq(sessions.projectId, projectId), eq(sessions.userId, userId), which, alive))
      .returning({ id: sessions.id })
    return rows.map(({ id }) => id)
  }

  return {
    /** Ends one session for good; true if it was alive. */
    async revoke(projectId: string, id: string, reason: 'logout' | 'reuse'): Promise<boolean> {
      const rows = await db
        .of(projectId)
        .update(sessions)
        .set({ revokedAt: sql`now()`, revokedReason: reason })
        .where(and(thisSession(projectId, id), isNull(sessions.revokedAt)))
        .returning({ id: sessions.id })
      return rows.length > 0
    },

    /** Ends a session of this user; true if it was alive. */
    revokeOwn: async (projectId: string, userId: number, id: string): Promise<boolean> =>
      (await endOwn(projectId, userId, eq(sessions.id, id))).length > 0,

    /** Ends every living session of the user but one; returns how many. */
    revokeOthers: async (projectId: string, userId: number, keptId: string): Promise<number> =>
      (await endOwn(projectId, userId, ne(sessions.id, keptId))).length,

    /** Ends those of the listed sessions that are this user's and alive; returns which. */
    revokeAmong: (projectId: string, userId: number, ids: readonly string[]): Promise<string[]> =>
      endOwn(
        projectId,
        userId,
        sql`${sessions.id} in (select value::uuid from jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb))`,
      ),
  }
}
