// The last authentication of a session's user, and the renewal of a session after another one.
import { and, eq, isNull, type SQL, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { sessions } from '../../../drizzle/tables/sessions.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { userColumns } from '../accounts/users.ts'
import { now, own, secondsFromNow } from '../conditions.ts'
import { type Database, first } from '../database.ts'
import {
  isLive,
  type SessionAndUser,
  type SessionClient,
  type SessionState,
  sessionState,
  sessionUser,
  thisSession,
} from './sessions.ts'

/** The last authentication of a session's user, and the credentials for another one. */
export interface Authentication extends Pick<SessionState, 'amr' | 'acr'> {
  /** Whether it is not older than the given age. */
  readonly isRecent: boolean
  /** The kinds of its second factors, separated by spaces; empty: none. */
  readonly secondFactors: string
  /** The hash of the account's password; null: it has none. */
  readonly passwordHash: string | null
}

/** Finds the last authentication of an active session's user; null: the session is not active. */
export function findAuthentication(
  db: Database,
  id: string,
  maxAgeSeconds: number,
): Promise<Authentication | null> {
  const { amr, acr } = sessions
  const isRecent = sql<boolean>`${sessions.authTime} > ${secondsFromNow(-maxAgeSeconds)}`
  const { passwordHash, secondFactors } = users
  return first(
    db.queries
      .select({ amr, acr, isRecent, passwordHash, secondFactors })
      .from(sessions)
      .innerJoin(users, sessionUser)
      .where(and(thisSession(db, id), isLive)),
  )
}

export interface Renewal {
  readonly id: string
  /** The API that opened the session. */
  readonly client: SessionClient
  /** The epoch that the session must have; it then gets the account's current one. */
  readonly epoch: number
  readonly refreshSeconds: number
  /** The new authentication; null: the session keeps the former one. */
  readonly proof: { readonly amr: string; readonly acr?: SessionState['acr'] } | null
}

/**
 * Moves an active session to a new generation and to its account's epoch. Tokens of earlier generations become void.
 * @returns null: the session is not active, or belongs to another API
 */
export function renewSession(db: Database, renewal: Renewal): Promise<SessionAndUser | null> {
  const { id, client, epoch, refreshSeconds, proof } = renewal
  const next: SQL<number> = sql`${sessions.generation} + 1`
  const proven = proof && {
    amr: proof.amr,
    authTime: now,
    ...(proof.acr === undefined ? {} : { acr: proof.acr }),
  }
  return first(
    db.queries
      .update(sessions)
      .set({
        ...proven,
        epoch: sql`${users.epoch}`,
        generation: next,
        validGeneration: next,
        rotatedAt: now,
        recoveredAt: sql`null`,
        expiresAt: sql`least(${secondsFromNow(refreshSeconds)}, ${sessions.absoluteExpiresAt})`,
      })
      .from(users)
      .where(
        and(
          thisSession(db, id),
          eq(sessions.client, client),
          eq(sessions.epoch, epoch),
          isLive,
          eq(users.id, sessions.userId),
          isNull(users.disabledAt),
        ),
      )
      .returning({ session: sessionState, user: userColumns }),
  )
}

/**
 * Records a further factor in an active session, which keeps its tokens.
 * @param epoch the account's current epoch, which the session gets
 */
export async function strengthenSession(
  db: Database,
  id: string,
  { amr, acr, epoch }: Pick<SessionState, 'amr' | 'acr'> & { readonly epoch: number },
): Promise<void> {
  await db.queries
    .update(sessions)
    .set({ amr, acr, epoch, authTime: now })
    .where(and(thisSession(db, id), isLive))
}

/** Copies the time of authentication and the absolute end from another session of the same user to a new session. */
export async function inheritAuthentication(db: Database, id: string, from: string): Promise<void> {
  const source = alias(sessions, 'source')
  await db.queries
    .update(sessions)
    .set({
      authTime: sql`${source.authTime}`,
      absoluteExpiresAt: sql`${source.absoluteExpiresAt}`,
      expiresAt: sql`least(${sessions.expiresAt}, ${source.absoluteExpiresAt})`,
    })
    .from(source)
    .where(and(thisSession(db, id), own(source, db), eq(source.id, from), eq(source.userId, sessions.userId)))
}
