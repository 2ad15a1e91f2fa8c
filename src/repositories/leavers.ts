// Accounts that go for good, and the teams that go with them.
import { and, asc, eq, lte, not, notExists, type SQLWrapper, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { teamMembers } from '../../drizzle/tables/team-members.ts'
import { teams } from '../../drizzle/tables/teams.ts'
import { users } from '../../drizzle/tables/users.ts'
import { parts, type Queries } from './database.ts'

const otherMember = alias(teamMembers, 'other_member')

/** Accounts by what names their row, to be narrowed. */
export const held = () => parts.select({ projectId: users.projectId, id: users.id }).from(users)

/** Removes accounts that the query holds, and the teams that nobody else is in: a team goes with its last member. */
export async function removeHeld(db: Queries, found: SQLWrapper): Promise<number> {
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

/** Accounts whose owners left, in every project. */
export function leaversRepository(db: Queries) {
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
