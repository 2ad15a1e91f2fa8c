// Sessions: opened, refreshed, looked at and ended. A verb returns a grant; what is printed from it is the edge's.
import { randomUUID } from 'node:crypto'
import type { SessionRow } from '../repositories/session-lists.ts'
import type { SessionAndUser } from '../repositories/sessions.ts'
import type { Repositories, Store } from '../repositories/store.ts'
import type { UserRow } from '../repositories/users.ts'
import { record } from './audit.ts'
import { AuthError } from './errors.ts'
import { type Grant, type PresentedRefresh, toGrant } from './grants.ts'
import type { Attempt, Lockout } from './lockout.ts'
import type { Actor, Caller, Principal } from './principal.ts'
import type { Project } from './projects.ts'
import { createRecall, type Memorable, type Notices } from './recall.ts'
import { createRefresh, type Refreshed } from './refresh.ts'

/** How long a session and its first access token live, where the policy's answer is not the one that is wanted. */
export interface Lifetimes {
  /** Seconds of the access token; default the policy's. It never outlives its session. */
  readonly accessSeconds?: number
  /** Seconds of the session until it is extended or ends; default the policy's refresh_seconds. */
  readonly lifetimeSeconds?: number
  /** Whether lifetimeSeconds hold even where the policy's absolute_seconds are fewer; default false. */
  readonly beyondAbsolute?: boolean
}

export interface OpenOptions extends Lifetimes {
  /** The attempt that was paid for and came to this. */
  readonly forgives?: Pick<Attempt<unknown>, 'counted'>
}

/** A session as it was recognised a moment ago. */
interface KnownSession extends Memorable {
  /** The newest generation whose access token is known to have been used. */
  readonly seenGeneration: number
}

/** Sessions remembered, if all of them weigh little: 1.8 kB each. */
const remembered = 5000

interface Means {
  readonly store: Store
  readonly lockout: Lockout
  readonly notices: Notices
  /** Told what came of each refresh token that was presented. */
  readonly refreshed?: ((outcome: Refreshed) => void) | undefined
}

export function createSessions({ store, lockout, notices, refreshed = () => {} }: Means) {
  const known = createRecall<KnownSession>(notices, remembered)

  /** Remembers that a living session was used now. Out: whether that was written, and the newest generation that was used. */
  async function use(project: Project, { generation }: PresentedRefresh, { session }: SessionAndUser) {
    // The first use of a generation's access token proves that its answer arrived: its predecessor is now reuse.
    const arrived = session.generation === generation && session.seenGeneration < generation
    const touched = arrived || !session.seenLately
    if (touched) await store.sessions.touch(project.id, session.id, generation)
    return { touched, seenGeneration: arrived ? generation : session.seenGeneration }
  }

  const principalOf = (user: UserRow, { sessionId, generation }: PresentedRefresh): Principal => ({
    user,
    sessionId,
    generation,
  })

  return {
    /**
     * Opens a session in `tx` for a user as they were read, with what belongs to it: the audit event, the address and
     * device to be known by, the notice of a new device, the limit of sessions, the attempt it forgives. All of it is
     * one statement. Null, and nothing changed, if the user's sessions were ended since they were read.
     */
    async open(
      tx: Repositories,
      project: Project,
      user: UserRow,
      caller: Caller,
      event: 'signed_in' | 'signed_up',
      { forgives, ...lifetimes }: OpenOptions = {},
    ): Promise<Grant | null> {
      const { tokens, sessions: limits, verification } = project.policy
      const lifetimeSeconds = lifetimes.lifetimeSeconds ?? tokens.refresh_seconds
      const { userAgent, addressPrefix, device } = caller
      const tells = event === 'signed_in' && limits.notify_new_device && verification.delivery === 'email'
      const session = await tx.signIns.open({
        id: randomUUID(),
        projectId: project.id,
        userId: user.id,
        epoch: user.epoch,
        refreshSeconds: lifetimeSeconds,
        absoluteSeconds: lifetimes.beyondAbsolute
          ? Math.max(lifetimeSeconds, tokens.absolute_seconds)
          : tokens.absolute_seconds,
        userAgent,
        addressPrefix,
        event,
        addressKey: lockout.addressKey(caller.address),
        deviceKey: lockout.deviceKey(caller),
        maxSessions: limits.max_per_user,
        notice: tells ? { id: randomUUID(), details: { device, addressPrefix: addressPrefix ?? '' } } : null,
        forgiven: forgives?.counted ?? null,
      })
      return session && toGrant(project, user, session, lifetimes.accessSeconds)
    },

    /**
     * Lets a session that lives, and its access token, live for `seconds` from now, though not beyond the absolute
     * lifetime it was opened with. Its refresh generation stays: several may ask at once and all get the same.
     * @throws AuthError unauthenticated, email_verification_required
     */
    async extend(
      project: Project,
      { sessionId }: Pick<Principal, 'sessionId'>,
      seconds: number,
    ): Promise<Grant> {
      const unverifiedAllowed = project.policy.verification.mode !== 'strict'
      const extension = { id: sessionId, projectId: project.id, seconds, unverifiedAllowed }
      const found = await store.sessions.extend(extension)
      if (found) return toGrant(project, found.user, found.session, seconds)
      const lives = !unverifiedAllowed && (await store.sessions.look(project.id, sessionId))
      throw new AuthError(lives ? 'email_verification_required' : 'unauthenticated')
    },

    /**
     * Exchanges a refresh token for the next one: one statement where all is well.
     * @throws AuthError invalid_refresh_token, email_verification_required
     */
    refresh: createRefresh(store, refreshed),

    /**
     * The principal behind an access token's session, as it was read a moment ago; null where only the database can tell,
     * as at the first use of a generation, which it is to remember.
     */
    recall(project: Project, token: PresentedRefresh): Principal | null {
      const found = known.find(project.id, token.sessionId)
      return found && token.generation <= found.seenGeneration ? principalOf(found.user, token) : null
    },

    /** The principal behind an access token's session, read now. @throws AuthError unauthenticated */
    async authenticate(project: Project, token: PresentedRefresh): Promise<Principal> {
      const found = await known.reading(token.sessionId, async () => {
        const row = await store.sessions.look(project.id, token.sessionId)
        if (!row) return null
        const { seenGeneration } = await use(project, token, row)
        const { now, expiresAt } = row.session
        return { projectId: project.id, user: row.user, now, expiresAt, seenGeneration }
      })
      if (!found) throw new AuthError('unauthenticated')
      return principalOf(found.user, token)
    },

    /** The same, and the living sessions of its user, the last used first, in one statement. @throws as authenticate */
    async authenticateAndList(
      project: Project,
      token: PresentedRefresh,
    ): Promise<{ principal: Principal; list: SessionRow[] }> {
      const found = await store.sessionLists.lookAndList(project.id, token.sessionId)
      if (!found) throw new AuthError('unauthenticated')
      const { touched } = await use(project, token, found)
      const list = touched ? await store.sessionLists.list(project.id, found.user.id) : found.list
      return { principal: principalOf(found.user, token), list }
    },

    /** Ends the principal's own session. */
    async end(project: Project, { user, sessionId }: Principal, caller: Caller): Promise<void> {
      await store.transaction(project.id, async (tx) => {
        if (await tx.sessionEnds.revoke(project.id, sessionId, 'logout'))
          await record(tx, project, { userId: user.id, event: 'signed_out', sessionId, caller })
      })
    },

    /** The living sessions of the actor's user, the last used first. */
    list: (project: Project, { user }: Actor): Promise<SessionRow[]> =>
      store.sessionLists.list(project.id, user.id),

    /** Ends one session of the principal's user, their own included. @throws AuthError session_unknown */
    async revoke(project: Project, { user }: Principal, sessionId: string, caller: Caller): Promise<void> {
      const revoked = await store.transaction(project.id, async (tx) => {
        if (!(await tx.sessionEnds.revokeOwn(project.id, user.id, sessionId))) return false
        await record(tx, project, { userId: user.id, event: 'session_revoked', sessionId, caller })
        return true
      })
      if (!revoked) throw new AuthError('session_unknown')
    },

    /** Ends every session of the user but the principal's; returns how many. */
    revokeOthers: (project: Project, { user, sessionId }: Principal, caller: Caller): Promise<number> =>
      store.transaction(project.id, async (tx) => {
        const count = await tx.sessionEnds.revokeOthers(project.id, user.id, sessionId)
        await record(tx, project, { userId: user.id, event: 'other_sessions_revoked', sessionId, caller })
        return count
      }),

    /**
     * Ends the session of a refresh token that is current or one behind, for whoever signs out after their access
     * token expired. @throws AuthError unauthenticated
     */
    async endByRefresh(project: Project, presented: PresentedRefresh, caller: Caller): Promise<void> {
      const found = await store.sessionRefreshes.examine(project.id, presented.sessionId, {
        graceSeconds: 0,
        lostAnswerSeconds: 0,
      })
      const behind = found?.alive ? found.session.generation - presented.generation : -1
      if (!found || (behind !== 0 && behind !== 1)) throw new AuthError('unauthenticated')
      await this.end(project, { user: found.user, ...presented }, caller)
    },

    /** Ends every session of the principal's user in this project. */
    async endAll(project: Project, { user, sessionId }: Principal, caller: Caller): Promise<void> {
      await store.transaction(project.id, async (tx) => {
        await tx.users.advanceEpoch(project.id, user.id)
        await record(tx, project, { userId: user.id, event: 'signed_out_everywhere', sessionId, caller })
      })
    },

    stats: known.stats,
  }
}

export type Sessions = ReturnType<typeof createSessions>
