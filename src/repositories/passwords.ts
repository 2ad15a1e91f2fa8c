// The password of a row of `users`: what sets, changes or takes it away ends sessions by a new epoch in the same statement.
import { and, eq, isNull, type SQL, sql } from 'drizzle-orm'
import { users } from '../../drizzle/tables/users.ts'
import { type Database, first } from './database.ts'
import { thisUser, type UserRow, userColumns } from './users.ts'

export function passwordsRepository(db: Database) {
  /** Another password for the account that `which` names, which ends its sessions; the new epoch, or null for none. */
  async function replace(
    projectId: string,
    which: SQL | undefined,
    to: string | null,
  ): Promise<number | null> {
    const row = first(
      await db
        .of(projectId)
        .update(users)
        .set({ passwordHash: to, epoch: sql`${users.epoch} + 1`, updatedAt: sql`now()` })
        .where(which)
        .returning({ epoch: users.epoch }),
    )
    return row?.epoch ?? null
  }

  return {
    /** The hash of the account's password; null where it has none. */
    async find(projectId: string, id: number): Promise<string | null> {
      const row = first(
        await db
          .of(projectId)
          .select({ passwordHash: users.passwordHash })
          .from(users)
          .where(thisUser(projectId, id)),
      )
      return row?.passwordHash ?? null
    },

    /**
     * The first password of an account that has none and whose sessions are those of `epoch`; ends every session. The
     * new epoch, or null.
     */
    setFirst: (projectId: string, id: number, epoch: number, to: string): Promise<number | null> =>
      replace(
        projectId,
        and(
          thisUser(projectId, id),
          eq(users.epoch, epoch),
          isNull(users.passwordHash),
          isNull(users.disabledAt),
        ),
        to,
      ),

    /**
     * Replaces the password if it still is the one that was checked, and ends every session by a new epoch.
     * Returns the new epoch, or null when somebody else was faster.
     */
    change: (projectId: string, id: number, from: string, to: string): Promise<number | null> =>
      replace(projectId, and(thisUser(projectId, id), eq(users.passwordHash, from)), to),

    /**
     * Sets a password for whoever proved that they read the mail of `email`: that proves the address too, and ends
     * every session. Null if the account has another address by now, or is disabled.
     */
    async reset(projectId: string, id: number, email: string, to: string): Promise<UserRow | null> {
      return first(
        await db
          .of(projectId)
          .update(users)
          .set({
            passwordHash: to,
            epoch: sql`${users.epoch} + 1`,
            emailVerifiedAt: sql`coalesce(${users.emailVerifiedAt}, now())`,
            updatedAt: sql`now()`,
          })
          .where(and(thisUser(projectId, id), eq(users.email, email), isNull(users.disabledAt)))
          .returning(userColumns),
      )
    },

    /** Takes the password away and ends every session: whoever knew it may be somebody else. */
    async expel(projectId: string, id: number): Promise<void> {
      await replace(projectId, thisUser(projectId, id), null)
    },

    /** The same password under newer parameters: compare and set, and no session ends. */
    async rehash(projectId: string, id: number, from: string, to: string): Promise<void> {
      await db
        .of(projectId)
        .update(users)
        .set({ passwordHash: to })
        .where(and(thisUser(projectId, id), eq(users.passwordHash, from)))
    },
  }
}
