// Rows of `audit_events`, each with its row of the security log. An insert counts its event for metrics; a statement about many
// rows counts once.
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
 * Inserts an event; nothing where the account has gone meanwhile, because its trail went with it.
 * @param logged who acted, for the security log; null: the event does not belong there
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
    // The session in which or to which it happened; else the actor's.
    sessionId: sessionId ?? circumstances.sessionId,
    details: JSON.stringify(circumstances.details),
    isLogged: logged !== null,
    eventSessionId: sessionId,
    eventAddressPrefix: addressPrefix,
    eventUserAgent: userAgent,
  })
  db.recorded(event.event)
}

/** Inserts the event for each of the user's sessions that are named; one statement however many they are. */
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
 * @param exceptUserId the member who acted, whose own event names the session; null: none
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

/** Inserts the event for the account of an address, if there is one: one statement either way, which is not counted. */
export async function insertAuditEventByEmail(
  db: Database,
  email: string,
  { event, addressPrefix, userAgent }: Pick<NewAuditEvent, 'event' | 'addressPrefix' | 'userAgent'>,
): Promise<void> {
  await db.queries.execute(sql`insert into ${auditEvents} (project_id, user_id, event, address_prefix, user_agent)
    select ${users.projectId}, ${users.id}, ${event}, ${addressPrefix}, ${userAgent}
    from ${users} where ${own(users, db)} and ${users.email} = ${email}`)
}

/** The user's events with a smaller id than `before` (null: from the newest on), the newest first. */
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
