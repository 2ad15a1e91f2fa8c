// Deletion of accounts: scheduled, cancelled, and executed together with the teams that have no other member.
import { and, asc, eq, gt, isNull, lte, type SQLWrapper, sql } from 'drizzle-orm'
import { emailSignIns } from '../../../drizzle/tables/email-sign-ins.ts'
import { securityLog } from '../../../drizzle/tables/security-log.ts'
import { teamMembers } from '../../../drizzle/tables/team-members.ts'
import { teams } from '../../../drizzle/tables/teams.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { type LogCircumstances, loggedColumns } from '../audit/security-log.ts'
import { now, own, secondsFromNow } from '../conditions.ts'
import { type Database, parts, rowCount, type UnscopedDatabase } from '../database.ts'
import { nextEpoch, thisUser, updateUser } from './users.ts'

/** A select of the keys of accounts, to be completed with a condition. */
const accountKeys = () => parts.select({ projectId: users.projectId, id: users.id }).from(users)
const isDue = lte(users.deletionDueAt, now)

/** The actor of a deletion whose grace period has ended. */
const graceOver: LogCircumstances = {
  actor: 'none',
  addressPrefix: null,
  userAgent: null,
  sessionId: null,
  details: { reason: 'grace_over' },
}

/**
 * Deletes accounts and the teams without another member, and writes each deletion to the security log.
 * @param found a query of `accountKeys` that locks the rows
 * @returns how many accounts
 */
function deleteFound(
  db: UnscopedDatabase,
  found: SQLWrapper,
  { actor, addressPrefix, userAgent, sessionId, details }: LogCircumstances = graceOver,
): Promise<number> {
  return rowCount(
    db.queries.execute(sql`with leaving as materialized (${found}), alone as (
      delete from ${teams} where (${teams.projectId}, ${teams.id}) in (
        select ${teamMembers.projectId}, ${teamMembers.teamId} from ${teamMembers}
        where (${teamMembers.projectId}, ${teamMembers.userId}) in (select project_id, id from leaving))
      and not exists (select from ${teamMembers} other
        where other.project_id = ${teams.projectId} and other.team_id = ${teams.id}
          and (other.project_id, other.user_id) not in (select project_id, id from leaving)))
    , gone as (delete from ${users} where ${users.id} in (select id from leaving)
      returning ${users.projectId} as project_id, ${users.uuid} as uuid, ${users.email} as email)
    , ended as (update ${emailSignIns} set used_at = now()
      where used_at is null and (project_id, email) in (select project_id, email from gone))
    insert into ${securityLog} ${loggedColumns}
    select project_id, 'account_deleted', 'success', ${actor}::text, ${addressPrefix}::text, ${userAgent}::text,
      ${sessionId}::uuid, ${JSON.stringify(details)}::text::jsonb, uuid from gone returning 1`),
  )
}

/** The condition for an account whose password has not changed since it was checked. */
const unchanged = (db: Database, id: number, checkedHash: string | null) =>
  and(thisUser(db, id), sql`${users.passwordHash} is not distinct from ${checkedHash}`)

/** Deletes an account and its rows. @returns false: its password changed since it was checked */
export async function deleteUser(
  db: Database,
  id: number,
  checkedHash: string | null,
  logged: LogCircumstances,
): Promise<boolean> {
  const found = accountKeys().where(unchanged(db, id, checkedHash))
  return (await deleteFound(db, found.for('update'), logged)) > 0
}

/** Ends every session of an account, and makes its deletion due in `graceSeconds`. @returns as `deleteUser` */
export async function scheduleDeletion(
  db: Database,
  id: number,
  checkedHash: string | null,
  graceSeconds: number,
): Promise<boolean> {
  const change = { deletionDueAt: secondsFromNow(graceSeconds), epoch: nextEpoch }
  return (await updateUser(db, unchanged(db, id, checkedHash), change)) !== null
}

/**
 * Cancels a deletion that is not due yet.
 * @param epoch of an account that must be enabled and unchanged since it was read; default: any account
 * @returns false: there is none
 */
export async function restoreUser(db: Database, id: number, epoch?: number): Promise<boolean> {
  const asRead = epoch === undefined ? undefined : and(eq(users.epoch, epoch), isNull(users.disabledAt))
  const pending = and(thisUser(db, id), gt(users.deletionDueAt, now), asRead)
  return (await updateUser(db, pending, { deletionDueAt: null })) !== null
}

/** Deletes the account of an address if its deletion is due and the cleanup job has not deleted it yet. */
export async function releaseDueAddress(db: Database, email: string): Promise<void> {
  const found = accountKeys().where(and(own(users, db), eq(users.email, email), isDue))
  await deleteFound(db, found.for('update'))
}

/**
 * Deletes accounts of every project whose deletion is due, the oldest first. Several may call it at once.
 * @returns how many, at most `limit`
 */
export function deleteDueUsers(db: UnscopedDatabase, limit: number): Promise<number> {
  const due = accountKeys().where(isDue).orderBy(asc(users.deletionDueAt)).limit(limit)
  return deleteFound(db, due.for('update', { skipLocked: true }))
}
