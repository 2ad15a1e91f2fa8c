// How a session's user was authenticated last, and the session's renewal after another proof.
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
  thisSession,
  usersOwn,
} from './sessions.ts'

/** What a session's user has proven, and may prove. */
export interface Authentication extends Pick<SessionState, 'amr' | 'acr'> {
  /** Whether that was within the time that was asked for. */
  readonly isRecent: boolean
  /** The kinds of its second factors, separated by spaces; empty: none. */
  readonly secondFactors: string
  /** The hash of the account's password; null where it has none. */
  readonly passwordHash: string | null
}

/** How and how lately the user of a living session was authenticated; null where it is not alive. */
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
      .innerJoin(users, usersOwn)
      .where(and(thisSession(db, id), isLive)),
  )
}

export interface Renewal {
  readonly id: string
  /** The API that opened the session. */
  readonly client: SessionClient
  /** The epoch of the session before its account was changed: the session moves to the account's. */
  readonly epoch: number
  readonly refreshSeconds: number
  /** What was proven now; null: the session keeps what it has. */
  readonly proof: { readonly amr: string; readonly acr?: SessionState['acr'] } | null
}

/**
 * Moves a living session on to a new generation and to its account's epoch; tokens of every generation before are void.
 * @returns null where the session is not alive or is another API's
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
 * Notes in a living session, which keeps its tokens, that a further factor was proven in it.
 * @param epoch the account's, which the session moves to
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

/** Makes a session that was just opened as old as another one of its user: when they were authenticated, and when it ends at last. */
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
