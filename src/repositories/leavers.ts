// Accounts that go for good, and the teams that go with them.
import { and, asc, eq, gt, lte, not, notExists, type SQLWrapper, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { teamMembers } from '../../drizzle/tables/team-members.ts'
import { teams } from '../../drizzle/tables/teams.ts'
import { users } from '../../drizzle/tables/users.ts'
import { type Database, parts, type Queries } from './database.ts'
import { thisUser } from './users.ts'

const otherMember = alias(teamMembers, 'other_member')

/** Accounts by what names their row, to be narrowed. */
const held = () => parts.select({ projectId: users.projectId, id: users.id }).from(users)

/** Removes accounts that the query holds, and the teams that nobody else is in: a team goes with its last member. */
async function removeHeld(db: Queries, found: SQLWrapper): Promise<number> {
  const ofLeaving = (member: typeof teamMembers | typeof otherMember) =>
    sql`(${member.projectId}, ${member.userId}) in (select project_id, id from leaving)`
  const rows = await db.execute(sql`with leaving as materialized (${found}), alone as (
      delete from ${teams} where (${teams.projectId}, ${teams.id}) in (
        select ${teamMembers.projectId}, ${teamMembers.teamId} from ${teamMembers} where ${ofLeaving(teamMembers)})
      and ${notExists(
        parts
          .select({ id: otherMember.userId })
          .from(otherMember)
          .where(
            and(
              eq(otherMember.projectId, teams.projectId),
              eq(otherMember.teamId, teams.id),
              not(ofLeaving(otherMember)),
            ),
          ),
      )})
    delete from ${users} where ${users.id} in (select id from leaving) returning 1`)
  return rows.length
}

/** Accounts whose owners leave, and come back. */
export function leaversRepository(db: Database) {
  /** The account, if its password is still the one that was checked. */
  const unchanged = (projectId: string, id: number, checkedHash: string | null) =>
    and(thisUser(projectId, id), sql`${users.passwordHash} is not distinct from ${checkedHash}`)

  return {
    /** Removes the account and all that hangs on it; false if its password changed since it was checked. */
    async remove(projectId: string, id: number, checkedHash: string | null): Promise<boolean> {
      const found = held().where(unchanged(projectId, id, checkedHash))
      return (await removeHeld(db.of(projectId), found.for('update'))) > 0
    },

    /** Ends every session now and makes the account due in `graceSeconds`; false as in `remove`. */
    async schedule(
      projectId: string,
      id: number,
      checkedHash: string | null,
      graceSeconds: number,
    ): Promise<boolean> {
      const rows = await db
        .of(projectId)
        .update(users)
        .set({
          deletionDueAt: sql`now() + make_interval(secs => ${graceSeconds}::int)`,
          epoch: sql`${users.epoch} + 1`,
          updatedAt: sql`now()`,
        })
        .where(unchanged(projectId, id, checkedHash))
        .returning({ id: users.id })
      return rows.length > 0
    },

    /** Takes a deletion back before it is due; false where there is none to take back. */
    async restore(projectId: string, id: number): Promise<boolean> {
      const rows = await db
        .of(projectId)
        .update(users)
        .set({ deletionDueAt: null, updatedAt: sql`now()` })
        .where(and(thisUser(projectId, id), gt(users.deletionDueAt, sql`now()`)))
        .returning({ id: users.id })
      return rows.length > 0
    },

    /** Frees an address of an account that is due and that the sweeper has not reached. */
    async releaseDue(projectId: string, email: string): Promise<void> {
      const found = held().where(
        and(eq(users.projectId, projectId), eq(users.email, email), lte(users.deletionDueAt, sql`now()`)),
      )
      await removeHeld(db.of(projectId), found.for('update'))
    },
  }
}

/** Accounts whose owners left, in every project. */
export function dueLeaversRepository(db: Queries) {
  return {
    /** Removes up to `limit` accounts that are due, the oldest first; returns how many. Several may call it at once. */
    async removeDue(limit: number): Promise<number> {
      const due = held()
        .where(lte(users.deletionDueAt, sql`now()`))
        .orderBy(asc(users.deletionDueAt))
        .limit(limit)
      return removeHeld(db, due.for('update', { skipLocked: true }))
    },
  }
}
