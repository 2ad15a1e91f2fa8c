// All repositories as one value, over the pool or, inside `transaction`, over one connection.
import type { Sql } from 'postgres'
import { apiKeysRepository } from './api-keys.ts'
import { auditRepository } from './audit.ts'
import { isOvertaken } from './availability.ts'
import { avatarsRepository } from './avatars.ts'
import { isConflict } from './conflict.ts'
import { cooldownsRepository } from './cooldowns.ts'
import { type Database, over } from './database.ts'
import { holdingsRepository } from './holdings.ts'
import { idempotencyKeysRepository } from './idempotency-keys.ts'
import { identitiesRepository } from './identities.ts'
import { outboxRepository } from './outbox.ts'
import { peopleRepository } from './people.ts'
import { projectsRepository } from './projects.ts'
import { registrationsRepository } from './registrations.ts'
import { sessionsRepository } from './sessions.ts'
import { signInFailuresRepository } from './sign-in-failures.ts'
import { signInsRepository } from './sign-ins.ts'
import { signingKeysRepository } from './signing-keys.ts'
import { sweepingRepository } from './sweeping.ts'
import { teamInvitationsRepository } from './team-invitations.ts'
import { teamMembersRepository } from './team-members.ts'
import { teamsRepository } from './teams.ts'
import { usersRepository } from './users.ts'
import { verificationTokensRepository } from './verification-tokens.ts'

export interface Repositories {
  readonly apiKeys: ReturnType<typeof apiKeysRepository>
  readonly audit: ReturnType<typeof auditRepository>
  readonly avatars: ReturnType<typeof avatarsRepository>
  readonly cooldowns: ReturnType<typeof cooldownsRepository>
  readonly holdings: ReturnType<typeof holdingsRepository>
  readonly idempotencyKeys: ReturnType<typeof idempotencyKeysRepository>
  readonly identities: ReturnType<typeof identitiesRepository>
  readonly outbox: ReturnType<typeof outboxRepository>
  readonly people: ReturnType<typeof peopleRepository>
  readonly projects: ReturnType<typeof projectsRepository>
  readonly registrations: ReturnType<typeof registrationsRepository>
  readonly sessions: ReturnType<typeof sessionsRepository>
  readonly signInFailures: ReturnType<typeof signInFailuresRepository>
  readonly signIns: ReturnType<typeof signInsRepository>
  readonly signingKeys: ReturnType<typeof signingKeysRepository>
  readonly sweeping: ReturnType<typeof sweepingRepository>
  readonly teamInvitations: ReturnType<typeof teamInvitationsRepository>
  readonly teamMembers: ReturnType<typeof teamMembersRepository>
  readonly teams: ReturnType<typeof teamsRepository>
  readonly users: ReturnType<typeof usersRepository>
  readonly verificationTokens: ReturnType<typeof verificationTokensRepository>
}

export interface Store extends Repositories {
  /** Whether a write failed because something unique was taken in the same moment. */
  isConflict(error: unknown): boolean
  /**
   * Runs `work` in one transaction on repositories of the same shape; commits when it returns, rolls back when it throws.
   * Where another transaction stands against it, nothing is kept and it runs again: only the database may remember it.
   * A refusal that must be remembered is therefore returned by `work` and thrown afterwards.
   */
  transaction<T>(work: (store: Repositories) => Promise<T>): Promise<T>
  /** The same for work that is one statement, which is a transaction by itself. */
  statement<T>(work: (store: Repositories) => Promise<T>): Promise<T>
  /** The same, and every read in it sees one moment: the one of its first statement. */
  snapshot<T>(work: (store: Repositories) => Promise<T>): Promise<T>
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
    outbox: outboxRepository(db),
    people: peopleRepository(db),
    projects: projectsRepository(db),
    registrations: registrationsRepository(db),
    sessions: sessionsRepository(db),
    signInFailures: signInFailuresRepository(db),
    signIns: signInsRepository(db),
    signingKeys: signingKeysRepository(db),
    sweeping: sweepingRepository(db),
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

/** Binds every repository to a postgres.js pool, and to each of its connections that a transaction is given. */
export function createStore(sql: Sql): Store {
  // Our pool hands out the same value for the same connection, so a statement is built once for each connection.
  const bound = new WeakMap<object, Repositories>()
  function boundTo(tx: object): Repositories {
    const known = bound.get(tx) ?? bind(over(Object.assign(tx, { options: sql.options }) as Sql))
    bound.set(tx, known)
    return known
  }
  const within = <T>(mode: string, work: (store: Repositories) => Promise<T>) =>
    retrying(() => sql.begin(mode, (tx) => work(boundTo(tx))) as Promise<T>)
  const alone = bind(over(sql))
  return {
    ...alone,
    isConflict,
    transaction: (work) => within('', work),
    statement: (work) => retrying(() => work(alone)),
    snapshot: (work) => within('isolation level repeatable read', work),
  }
}
