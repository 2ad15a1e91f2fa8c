// Rows of `audit_events`, inserted together with their rows of the security log. An insert counts its event for metrics, once per
// statement.
import { and, desc, lt, sql } from 'drizzle-orm'
import { auditEvents } from '../../../drizzle/tables/audit-events.ts'
import { securityLog } from '../../../drizzle/tables/security-log.ts'
import { teamMembers } from '../../../drizzle/tables/team-members.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { thisUser, userOf } from '../accounts/users.ts'
import { ofUser, own, parameter, parameters } from '../conditions.ts'
import { type AuditEventName, type Database, prepared } from '../database.ts'
import { ofTeam } from '../teams/teams.ts'
import { type LogCircumstances, loggedColumns, loggedValues } from './security-log.ts'

export type AuditRow = typeof auditEvents.$inferSelect
export type NewAuditEvent = Omit<AuditRow, 'id' | 'projectId' | 'createdAt'>

const insert = prepared((query) => {
  const account = query.$with('account', {}).as(
    sql`select ${users.projectId} as project_id, ${users.id} as id, ${users.uuid} as uuid from ${users}
        where ${thisUser(parameters, parameter('userId'))} for key share`,
  )
  const logged = query.$with('logged', {}).as(sql`insert into ${securityLog} ${loggedColumns}
      select ${loggedValues(sql`project_id`, sql`uuid`)} from account where ${parameter('isLogged')}::boolean`)
  return (
    query
      .with(account, logged)
      .insert(auditEvents)
      // One value for each column, in the order of the table.
      .select(
        sql`select nextval(pg_get_serial_sequence('audit_events', 'id')), project_id, id,
          ${parameter('eventSessionId')}::uuid, ${parameter('apiKeyId')}::uuid, ${parameter('teamId')}::uuid,
          ${parameter('event')}::text, ${parameter('outcome')}::text, ${parameter('eventAddressPrefix')}::text,
          ${parameter('eventUserAgent')}::text, now()
        from account`,
      )
      .prepare('audit_add')
  )
})

const notLogged: LogCircumstances = {
  actor: 'none',
  addressPrefix: null,
  userAgent: null,
  sessionId: null,
  details: {},
}

/**
 * Inserts an event, unless the account was deleted concurrently together with its trail.
 * @param logged actor and client for the security log; null: the event is not written there
 */
export async function insertAuditEvent(
  db: Database,
  event: NewAuditEvent,
  logged: LogCircumstances | null,
): Promise<void> {
  const { sessionId, addressPrefix, userAgent, ...facts } = event
  const circumstances = logged ?? notLogged
  await insert(db, {
    ...circumstances,
    ...facts,
    // The session of the event, else the actor's session.
    sessionId: sessionId ?? circumstances.sessionId,
    details: JSON.stringify(circumstances.details),
    isLogged: logged !== null,
    eventSessionId: sessionId,
    eventAddressPrefix: addressPrefix,
    eventUserAgent: userAgent,
  })
  db.recorded(event.event)
}

/** Inserts the event for each of the given sessions of a user, in one statement. */
export async function insertAuditEventsForSessions(
  db: Database,
  {
    userId,
    event,
    outcome,
    addressPrefix,
    userAgent,
  }: Omit<NewAuditEvent, 'sessionId' | 'apiKeyId' | 'teamId'>,
  sessionIds: readonly string[],
  logged: LogCircumstances,
): Promise<void> {
  await db.queries.execute(sql`with ended as (
      select ${users.projectId} as project_id, ${users.id} as user_id, ${users.uuid} as uuid, ended.id::uuid as id
      from ${users} cross join jsonb_array_elements_text(${JSON.stringify(sessionIds)}::text::jsonb) as ended(id)
      where ${thisUser(db, userId)} for key share of ${users}),
    logged as (insert into ${securityLog} ${loggedColumns}
      select project_id, ${event}, ${outcome}, ${logged.actor}::text, ${addressPrefix}, ${userAgent}, id,
        ${JSON.stringify(logged.details)}::text::jsonb, uuid from ended)
    insert into ${auditEvents} (project_id, user_id, session_id, event, outcome, address_prefix, user_agent)
    select project_id, user_id, id, ${event}, ${outcome}, ${addressPrefix}, ${userAgent} from ended`)
  db.recorded(event)
}

/**
 * Inserts the event for every member of a team, in one statement.
 * @param exceptUserId the member who acted, whose event is inserted separately with the session; null: none
 */
export async function insertAuditEventsForTeam(
  db: Database,
  teamId: string,
  event: AuditEventName,
  exceptUserId: number | null,
): Promise<void> {
  await db.queries.execute(sql`insert into ${auditEvents} (project_id, user_id, event, team_id)
    select ${users.projectId}, ${users.id}, ${event}, ${teamId}::uuid from ${teamMembers}
    join ${users} on ${userOf(teamMembers)} where ${ofTeam(teamMembers, db, teamId)}
      and ${teamMembers.userId} is distinct from ${exceptUserId}::bigint
    order by ${users.id} for key share of ${users}`)
  db.recorded(event)
}

/** Inserts the event for the account of an address, if there is one: one statement in both cases. Metrics do not count it. */
export async function insertAuditEventByEmail(
  db: Database,
  email: string,
  { event, addressPrefix, userAgent }: Pick<NewAuditEvent, 'event' | 'addressPrefix' | 'userAgent'>,
): Promise<void> {
  await db.queries.execute(sql`insert into ${auditEvents} (project_id, user_id, event, address_prefix, user_agent)
    select ${users.projectId}, ${users.id}, ${event}, ${addressPrefix}, ${userAgent}
    from ${users} where ${own(users, db)} and ${users.email} = ${email}`)
}

/** Lists the user's events with a smaller id than `before` (null: from the newest), the newest first. */
export async function listAuditEvents(
  db: Database,
  userId: number,
  before: number | null,
  limit: number,
): Promise<AuditRow[]> {
  const isBefore = before === null ? undefined : lt(auditEvents.id, before)
  return db.queries
    .select()
    .from(auditEvents)
    .where(and(ofUser(auditEvents, db, userId), isBefore))
    .orderBy(desc(auditEvents.id))
    .limit(limit)
}
