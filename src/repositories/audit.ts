// Rows of `audit_events`.
import { and, desc, eq, lt, sql } from 'drizzle-orm'
import { auditEvents } from '../../drizzle/tables/audit-events.ts'
import { teamMembers } from '../../drizzle/tables/team-members.ts'
import { users } from '../../drizzle/tables/users.ts'
import type { Database } from './database.ts'

export type AuditEvent = typeof auditEvents.$inferInsert.event
export type AuditRow = typeof auditEvents.$inferSelect
export type NewAuditEvent = Omit<AuditRow, 'id' | 'createdAt'>

export function auditRepository(db: Database) {
  const text = (name: string) => sql`${sql.placeholder(name)}::text`
  const id = (name: string) => sql`${sql.placeholder(name)}::uuid`
  const add = db.prepared((query) =>
    query
      .insert(auditEvents)
      .select(
        query
          .select({
            id: sql`nextval(pg_get_serial_sequence('audit_events', 'id'))`.as('id'),
            projectId: users.projectId,
            userId: users.id,
            sessionId: id('sessionId').as('session_id'),
            apiKeyId: id('apiKeyId').as('api_key_id'),
            teamId: id('teamId').as('team_id'),
            event: text('event').as('event'),
            outcome: text('outcome').as('outcome'),
            addressPrefix: text('addressPrefix').as('address_prefix'),
            userAgent: text('userAgent').as('user_agent'),
            createdAt: sql`now()`.as('created_at'),
          })
          .from(users)
          .where(
            and(eq(users.projectId, sql.placeholder('projectId')), eq(users.id, sql.placeholder('userId'))),
          )
          .for('key share'),
      )
      .prepare('audit_add'),
  )
  return {
    /** Adds an event; nothing where the account has gone meanwhile, because its trail went with it. */
    async add(event: NewAuditEvent): Promise<void> {
      await add({ ...event })
    },

    /** Adds one event for each of the user's sessions that are named; one statement however many they are. */
    async addForSessions(
      event: Omit<NewAuditEvent, 'sessionId' | 'apiKeyId' | 'teamId'>,
      sessionIds: readonly string[],
    ): Promise<void> {
      const { projectId, userId, addressPrefix, userAgent } = event
      await db.of(projectId).execute(sql`insert into ${auditEvents}
          (project_id, user_id, session_id, event, outcome, address_prefix, user_agent)
        select ${users.projectId}, ${users.id}, ended.id::uuid, ${event.event}, ${event.outcome}, ${addressPrefix}, ${userAgent}
        from ${users} cross join jsonb_array_elements_text(${JSON.stringify(sessionIds)}::text::jsonb) as ended(id)
        where ${users.projectId} = ${projectId} and ${users.id} = ${userId} for key share of ${users}`)
    },

    /** Adds an event to every member of a team but one, whose own is told with who acted; one statement for all. */
    async addForTeam(
      projectId: string,
      teamId: string,
      event: AuditEvent,
      but: number | null,
    ): Promise<void> {
      await db.of(projectId).execute(sql`insert into ${auditEvents} (project_id, user_id, event, team_id)
        select ${users.projectId}, ${users.id}, ${event}, ${teamId}::uuid from ${teamMembers}
        join ${users} on ${users.projectId} = ${teamMembers.projectId} and ${users.id} = ${teamMembers.userId}
        where ${teamMembers.projectId} = ${projectId} and ${teamMembers.teamId} = ${teamId}
          and ${teamMembers.userId} is distinct from ${but}::bigint
        order by ${users.id} for key share of ${users}`)
    },

    /** Adds an event to the account behind an address, if there is one: one statement either way. */
    async addByEmail(
      projectId: string,
      email: string,
      { event, addressPrefix, userAgent }: Pick<NewAuditEvent, 'event' | 'addressPrefix' | 'userAgent'>,
    ): Promise<void> {
      await db
        .of(projectId)
        .execute(sql`insert into ${auditEvents} (project_id, user_id, event, address_prefix, user_agent)
        select ${users.projectId}, ${users.id}, ${event}, ${addressPrefix ?? null}, ${userAgent ?? null}
        from ${users} where ${users.projectId} = ${projectId} and ${users.email} = ${email}`)
    },

    /** The user's events with a smaller id than `before` (null: from the newest on), the newest first. */
    async list(projectId: string, userId: number, before: number | null, limit: number): Promise<AuditRow[]> {
      return db
        .of(projectId)
        .select()
        .from(auditEvents)
        .where(
          and(
            eq(auditEvents.projectId, projectId),
            eq(auditEvents.userId, userId),
            before === null ? undefined : lt(auditEvents.id, before),
          ),
        )
        .orderBy(desc(auditEvents.id))
        .limit(limit)
    },
  }
}
