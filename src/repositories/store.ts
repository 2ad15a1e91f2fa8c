// All repositories as one value, over the pool or, inside `transaction`, over one connection.
import type { Pool, Sql } from '../database/pool.ts'
import type { ProjectSql } from '../database/statements.ts'
import { apiKeysRepository } from './api-keys.ts'
import { auditRepository } from './audit.ts'
import { isOvertaken } from './availability.ts'
import { avatarsRepository, sharedAvatarsRepository } from './avatars.ts'
import { isConflict } from './conflict.ts'
import { cooldownsRepository } from './cooldowns.ts'
import { type Database, everywhere, over, type Queries } from './database.ts'
import { holdingsRepository } from './holdings.ts'
import { idempotencyKeysRepository } from './idempotency-keys.ts'
import { identitiesRepository } from './identities.ts'
import { dueLeaversRepository, leaversRepository } from './leavers.ts'
import { mailTokensRepository } from './mail-tokens.ts'
import { mailroomRepository, outboxRepository } from './outbox.ts'
import { passwordsRepository } from './passwords.ts'
import { peopleRepository } from './people.ts'
import { projectsRepository } from './projects.ts'
import { registrationsRepository } from './registrations.ts'
import { sessionEndsRepository } from './session-ends.ts'
import { sessionListsRepository } from './session-lists.ts'
import { sessionRefreshesRepository } from './session-refreshes.ts'
import { sessionsRepository } from './sessions.ts'
import { signInFailuresRepository } from './sign-in-failures.ts'
import { signInsRepository } from './sign-ins.ts'
import { signingKeysRepository } from './signing-keys.ts'
import { statisticsRepository } from './statistics.ts'
import { sweepingRepository } from './sweeping.ts'
import { teamInvitationsRepository } from './team-invitations.ts'
import { teamMembersRepository } from './team-members.ts'
import { teamsRepository } from './teams.ts'
import { usersRepository } from './users.ts'
import { verificationTokensRepository } from './verification-tokens.ts'

/** The tables of one project's rows: every method takes the project first, or with the row. */
export interface Repositories {
  readonly apiKeys: ReturnType<typeof apiKeysRepository>
  readonly audit: ReturnType<typeof auditRepository>
  readonly avatars: ReturnType<typeof avatarsRepository>
  readonly cooldowns: ReturnType<typeof cooldownsRepository>
  readonly holdings: ReturnType<typeof holdingsRepository>
  readonly idempotencyKeys: ReturnType<typeof idempotencyKeysRepository>
  readonly identities: ReturnType<typeof identitiesRepository>
  readonly leavers: ReturnType<typeof leaversRepository>
  readonly outbox: ReturnType<typeof outboxRepository>
  readonly passwords: ReturnType<typeof passwordsRepository>
  readonly people: ReturnType<typeof peopleRepository>
  readonly registrations: ReturnType<typeof registrationsRepository>
  readonly sessionEnds: ReturnType<typeof sessionEndsRepository>
  readonly sessionLists: ReturnType<typeof sessionListsRepository>
  readonly sessionRefreshes: ReturnType<typeof sessionRefreshesRepository>
  readonly sessions: ReturnType<typeof sessionsRepository>
  readonly signInFailures: ReturnType<typeof signInFailuresRepository>
  readonly signIns: ReturnType<typeof signInsRepository>
  readonly teamInvitations: ReturnType<typeof teamInvitationsRepository>
  readonly teamMembers: ReturnType<typeof teamMembersRepository>
  readonly teams: ReturnType<typeof teamsRepository>
  readonly users: ReturnType<typeof usersRepository>
  readonly verificationTokens: ReturnType<typeof verificationTokensRepository>
}

/** What belongs to no project, or to whichever: the way around the wall between them, for what cannot know the project. */
export interface Everywhere {
  readonly avatars: ReturnType<typeof sharedAvatarsRepository>
  readonly leavers: ReturnType<typeof dueLeaversRepository>
  readonly mailroom: ReturnType<typeof mailroomRepository>
  readonly mailTokens: ReturnType<typeof mailTokensRepository>
  readonly projects: ReturnType<typeof projectsRepository>
  readonly signingKeys: ReturnType<typeof signingKeysRepository>
  readonly statistics: ReturnType<typeof statisticsRepository>
  readonly sweeping: ReturnType<typeof sweepingRepository>
}

export interface Store extends Repositories {
  /** Whether a write failed because something unique was taken in the same moment. */
  isConflict(error: unknown): boolean
  /**
   * Runs `work` in one transaction of the project on repositories of the same shape; commits when it returns, rolls back
   * when it throws. Where another transaction stands against it, nothing is kept and it runs again: only the database may
   * remember it. A refusal that must be remembered is therefore returned by `work` and thrown afterwards.
   */
  transaction<T>(projectId: string, work: (store: Repositories) => Promise<T>): Promise<T>
  /** The same for work that is one statement, which is a transaction by itself. */
  statement<T>(work: (store: Repositories) => Promise<T>): Promise<T>
  /** The same, and every read in it sees one moment: the one of its first statement. */
  snapshot<T>(projectId: string, work: (store: Repositories) => Promise<T>): Promise<T>
  /** Runs one read whose answer may be some seconds old: on the replica, if there is one. */
  readingLate<T>(read: (store: Repositories) => Promise<T>): Promise<T>
  /** Runs reads of one moment, which is no earlier than the call: on the replica, if there is one. */
  readingSnapshot<T>(projectId: string, read: (store: Repositories) => Promise<T>): Promise<T>
  readonly everywhere: Everywhere & {
    /** A transaction of no project, otherwise as above. */
    transaction<T>(work: (store: Everywhere) => Promise<T>): Promise<T>
  }
}

function bindEverywhere(db: Queries): Everywhere {
  return {
    avatars: sharedAvatarsRepository(db),
    leavers: dueLeaversRepository(db),
    mailroom: mailroomRepository(db),
    mailTokens: mailTokensRepository(db),
    projects: projectsRepository(db),
    signingKeys: signingKeysRepository(db),
    statistics: statisticsRepository(db),
    sweeping: sweepingRepository(db),
  }
}

function bind(db: Database): Repositories {
  return {
    apiKeys: apiKeysRepository(db),
    audit: auditRepository(db),
    avatars: avatarsRepository(db),
    cooldowns: cooldownsRepository(db),
    holdings: holdingsRepository(db),
    idempotencyKeys: idempotencyKeysRepository(db),
    identities: identitiesRepository(db),
    leavers: leaversRepository(db),
    outbox: outboxRepository(db),
    passwords: passwordsRepository(db),
    people: peopleRepository(db),
    registrations: registrationsRepository(db),
    sessionEnds: sessionEndsRepository(db),
    sessionLists: sessionListsRepository(db),
    sessionRefreshes: sessionRefreshesRepository(db),
    sessions: sessionsRepository(db),
    signInFailures: signInFailuresRepository(db),
    signIns: signInsRepository(db),
    teamInvitations: teamInvitationsRepository(db),
    teamMembers: teamMembersRepository(db),
    teams: teamsRepository(db),
    users: usersRepository(db),
    verificationTokens: verificationTokensRepository(db),
  }
}

/** Times that a transaction is begun before its conflict with another one is told. */
const attempts = 3

async function retrying<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === attempts || !isOvertaken(error)) throw error
    }
  }
}

/** Builds a value for each object that it is asked about, once: for a connection as long as it lives. */
function keeping<K extends object, V>(build: (key: K) => V): (key: K) => V {
  const built = new WeakMap<K, V>()
  return (key) => {
    const known = built.get(key) ?? build(key)
    built.set(key, known)
    return known
  }
}

/**
 * Binds every repository to a pool, and to each of its connections that a transaction is given; what belongs to no project
 * to `housekeeping`. `settled` is awaited between the commit of whatever may have ended something and its acknowledgement:
 * until this process will not use what it remembered from before.
 */
export function createStore(
  pool: Pool,
  housekeeping: Pool = pool,
  settled: () => Promise<void> = async () => {},
): Store {
  // The pool hands out the same value for the same connection, so a statement is built once for each connection.
  const boundTo = keeping((sql: ProjectSql) => bind(over(sql)))
  const boundEverywhere = keeping((sql: Sql) => bindEverywhere(everywhere(sql)))
  const settling = async <T>(work: Promise<T>): Promise<T> => {
    const result = await work
    await settled()
    return result
  }
  const within = <T>(mode: string, projectId: string, work: (store: Repositories) => Promise<T>) =>
    retrying(() => pool.transaction(mode, projectId, (tx) => work(boundTo(tx))))
  const alone = bind(over(pool))
  return {
    ...alone,
    isConflict,
    transaction: (projectId, work) => settling(within('', projectId, work)),
    statement: (work) => settling(retrying(() => work(alone))),
    snapshot: (projectId, work) => within('isolation level repeatable read', projectId, work),
    readingLate: (read) => read(alone),
    readingSnapshot: (projectId, read) =>
      within('isolation level repeatable read, read only', projectId, read),
    everywhere: {
      ...bindEverywhere(everywhere(housekeeping)),
      transaction: (work) =>
        settling(retrying(() => housekeeping.transaction('', null, (tx) => work(boundEverywhere(tx))))),
    },
  }
}
