// The account as a whole: leaving, coming back, and everything we hold of its owner.
import type { AuditRow } from '../repositories/audit.ts'
import type { IdentityRow } from '../repositories/identities.ts'
import type { Repositories, Store } from '../repositories/store.ts'
import type { UserRow } from '../repositories/users.ts'
import { revokeApiKeys } from './api-keys.ts'
import { record } from './audit.ts'
import { AuthError } from './errors.ts'
import type { Actor, Caller, Principal } from './principal.ts'
import type { Project } from './projects.ts'
import type { Reauthentication } from './reauthentication.ts'
import { partFromTeams } from './teams.ts'

/** Rows of one kind in an export; the newest ones. */
const exportedRows = 10_000

type Holdings = Repositories['holdings']
type Held<Kind extends Exclude<keyof Holdings, 'now'>> = Awaited<ReturnType<Holdings[Kind]>>

/** Everything we hold of a user, as of one moment. */
export interface AccountExport {
  readonly exportedAt: Date
  readonly user: UserRow
  readonly hasPassword: boolean
  readonly avatar: { mediaType: string; content: Buffer; createdAt: Date } | null
  readonly sessions: Held<'sessions'>
  readonly apiKeys: Held<'apiKeys'>
  readonly tokens: Held<'tokens'>
  readonly identities: readonly IdentityRow[]
  readonly knownAddresses: Held<'knownAddresses'>
  readonly mails: Held<'mails'>
  readonly events: Held<'events'>
  readonly teams: Held<'teams'>
  readonly teamInvitations: Held<'teamInvitations'>
}

export interface ActivityPage {
  readonly events: readonly AuditRow[]
  /** What to ask for next; null at the end. */
  readonly before: number | null
}

interface Means {
  readonly store: Store
  readonly reauthentication: Reauthentication
}

/**
 * Takes back a deletion whose grace period is running, in the transaction of the sign-in that proves its owner.
 * An account that nobody left is not touched.
 */
export async function restore(
  tx: Repositories,
  project: Project,
  user: UserRow,
  caller: Caller,
): Promise<void> {
  if (user.deletionDueAt && (await tx.leavers.restore(project.id, user.id)))
    await record(tx, project, { userId: user.id, event: 'account_restored', caller })
}

export function createAccount({ store, reauthentication }: Means) {
  return {
    /**
     * Ends the account: at once, or after the project's grace period, in which signing in restores it. Its sessions
     * and API keys end in the same transaction, and stay ended.
     * @throws AuthError wrong_current_password, current_password_required, recent_sign_in_required,
     *   too_many_attempts, overloaded, unauthenticated (the account went meanwhile), team_admin_needed (a team would
     *   be left without an ADMIN)
     */
    async leave(
      project: Project,
      principal: Principal,
      caller: Caller,
      currentPassword: string | undefined,
    ): Promise<void> {
      const { user, sessionId } = principal
      const { grace_seconds } = project.policy.deletion
      const checked = await reauthentication.prove(project, principal, caller, currentPassword)
      const left = await store.transaction(project.id, async (tx) => {
        if (grace_seconds === 0) {
          // Sessions before their user: the order in which whoever ends a session and writes of it holds them.
          await tx.sessions.hold(project.id, user.id)
          await partFromTeams(tx, project, user.id)
          // The audit trail goes with the account: there would be nobody left to show it to.
          return tx.leavers.remove(project.id, user.id, checked)
        }
        await partFromTeams(tx, project, user.id)
        if (!(await tx.leavers.schedule(project.id, user.id, checked, grace_seconds))) return false
        await record(tx, project, { userId: user.id, event: 'deletion_requested', sessionId, caller })
        await revokeApiKeys(tx, project, user.id, caller)
        return true
      })
      if (left) return
      // Another request was faster: it removed the account, or changed the password that was checked.
      const gone = (await store.users.find(project.id, user.id)) === null
      throw new AuthError(gone ? 'unauthenticated' : 'wrong_current_password')
    },

    /** Everything we hold of the principal's user, no secret in it. @throws AuthError unauthenticated */
    async export(project: Project, principal: Principal, caller: Caller): Promise<AccountExport> {
      const { sessionId } = principal
      const id = principal.user.id
      // Written first, so that the document holds this export as well.
      await record(store, project, { userId: id, event: 'data_exported', sessionId, caller })
      return store.readingSnapshot(project.id, async (tx) => {
        const user = await tx.users.find(project.id, id)
        if (!user) throw new AuthError('unauthenticated')
        const [exportedAt, hash, avatar, sessions, apiKeys, tokens, knownAddresses, mails, events] =
          await Promise.all([
            tx.holdings.now(project.id),
            tx.passwords.find(project.id, id),
            tx.avatars.findOfUser(project.id, id),
            tx.holdings.sessions(project.id, id, exportedRows),
            tx.holdings.apiKeys(project.id, id, exportedRows),
            tx.holdings.tokens(project.id, id, exportedRows),
            tx.holdings.knownAddresses(project.id, id, exportedRows),
            tx.holdings.mails(project.id, id, exportedRows),
            tx.holdings.events(project.id, id, exportedRows),
          ])
        const [identities, teams, teamInvitations] = await Promise.all([
          tx.identities.list(project.id, id),
          tx.holdings.teams(project.id, id, exportedRows),
          tx.holdings.teamInvitations(project.id, id, exportedRows),
        ])
        const hasPassword = hash !== null
        return {
          exportedAt,
          user,
          hasPassword,
          avatar,
          sessions,
          apiKeys,
          tokens,
          identities,
          knownAddresses,
          mails,
          events,
          teams,
          teamInvitations,
        }
      })
    },

    /** A page of what happened to the actor's account, the newest first, older than the event `before`. */
    async activity(
      project: Project,
      { user }: Actor,
      { before, limit }: { before: number | null; limit: number },
    ): Promise<ActivityPage> {
      const events = await store.readingLate((copy) =>
        copy.audit.list(project.id, user.id, before, limit + 1),
      )
      const page = events.slice(0, limit)
      return { events: page, before: events.length > limit ? (page.at(-1)?.id ?? null) : null }
    },
  }
}

export type Account = ReturnType<typeof createAccount>
