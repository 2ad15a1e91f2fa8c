// People whom an operator brings in, looks after and removes: what nobody can do to their own account, or to another's.
import { randomUUID } from 'node:crypto'
import type { Store } from '../repositories/store.ts'
import type { UserRow } from '../repositories/users.ts'
import { isAddress } from './addresses.ts'
import { record } from './audit.ts'
import { AuthError } from './errors.ts'
import type { Project } from './projects.ts'
import { mustStrandNoTeam, partFromTeams } from './teams.ts'
import { normalizeEmail } from './users.ts'

export interface NewPerson {
  readonly email: string
  /** Null: none; the person chooses one by a reset mail. */
  readonly password: string | null
  readonly displayName?: string | null
  readonly firstName?: string | null
  readonly lastName?: string | null
  /** Default: user. */
  readonly role?: UserRow['role']
  /** Whether the operator vouches for the address; default: no. */
  readonly verified?: boolean
}

/** Thrown with everything that is wrong with a person, each a sentence; it repeats no password. */
export class PersonError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'PersonError'
    this.problems = problems
  }
}

/** Text that PostgreSQL and a person's eyes can hold: no NUL and no halves of characters. */
export const isText = (text: string) => !/[\0\p{Cs}]/u.test(text)

const isShort = (text: string | null | undefined) => !text || ([...text].length <= 255 && isText(text))

function problemsOf({ email, password, displayName, firstName, lastName }: NewPerson): string[] {
  const problems: string[] = []
  if (!isAddress(email)) problems.push('The address must be an e-mail address such as ada@example.com.')
  const length = password === null ? 8 : [...password].length
  if (length < 8 || length > 255) problems.push('The password must have 8 to 255 characters.')
  if (password !== null && !isText(password)) problems.push('The password must be text.')
  if (![displayName, firstName, lastName].every(isShort))
    problems.push('A name must be text of at most 255 characters.')
  return problems
}

interface Means {
  readonly store: Store
  /** PHC string of a new password. */
  readonly hash: (project: Project, password: string) => Promise<string>
}

export function createPeople({ store, hash }: Means) {
  /** The account of an address. @throws AuthError account_unknown */
  async function find(project: Project, address: string): Promise<UserRow> {
    const user = await store.users.findByEmail(project.id, normalizeEmail(address))
    if (!user) throw new AuthError('account_unknown')
    return user
  }

  async function create(project: Project, person: NewPerson): Promise<UserRow> {
    const problems = problemsOf(person)
    if (problems.length > 0) throw new PersonError(problems)
    const email = normalizeEmail(person.email)
    if (await store.users.findByEmail(project.id, email)) throw new AuthError('email_taken')
    const passwordHash = person.password === null ? null : await hash(project, person.password)
    return store.transaction(project.id, async (tx) => {
      await tx.leavers.releaseDue(project.id, email)
      const user = await tx.users.add({
        uuid: randomUUID(),
        projectId: project.id,
        email,
        passwordHash,
        displayName: person.displayName ?? null,
        firstName: person.firstName ?? null,
        lastName: person.lastName ?? null,
        metadata: {},
        role: person.role ?? 'user',
        emailVerified: person.verified ?? false,
      })
      if (!user) throw new AuthError('email_taken')
      await record(tx, project, { userId: user.id, event: 'account_created' })
      return user
    })
  }

  return {
    find,

    /** Makes an account without a sign-up; no mail is sent. @throws PersonError, AuthError email_taken */
    create,

    /**
     * Makes the account unless there is one with this address, which stays as it is. Of several at once one makes it.
     * Out: the account that was made; null where there was one. @throws PersonError
     */
    async ensure(project: Project, person: NewPerson): Promise<UserRow | null> {
      try {
        return await create(project, person)
      } catch (error) {
        if (error instanceof AuthError && error.code === 'email_taken') return null
        throw error
      }
    },

    /**
     * Refuses the account everywhere and ends its sessions, for good, or lets it in again; how it is already changes
     * nothing. `force`: also where it is the last ADMIN of a team that has other members.
     * @throws AuthError account_unknown, team_admin_needed (a team would be left without an ADMIN who can act)
     */
    async setDisabled(
      project: Project,
      address: string,
      disabled: boolean,
      { force = false } = {},
    ): Promise<UserRow> {
      const { id } = await find(project, address)
      return store.transaction(project.id, async (tx) => {
        const before = await tx.users.lock(project.id, id)
        if (!before) throw new AuthError('account_unknown')
        if ((before.disabledAt !== null) === disabled) return before
        if (disabled && !force) await mustStrandNoTeam(tx, project, id)
        const event = disabled ? 'account_disabled' : 'account_enabled'
        await record(tx, project, { userId: id, event })
        return tx.people.setDisabled(project.id, id, disabled)
      })
    },

    /** Gives the account a role. @throws AuthError account_unknown */
    async setRole(project: Project, address: string, role: UserRow['role']): Promise<UserRow> {
      const { id } = await find(project, address)
      return store.transaction(project.id, async (tx) => {
        const before = await tx.users.lock(project.id, id)
        if (!before) throw new AuthError('account_unknown')
        if (before.role === role) return before
        await record(tx, project, { userId: id, event: 'role_changed' })
        return tx.people.setRole(project.id, id, role)
      })
    },

    /**
     * Removes the account and all that hangs on it, at once. Out: the account as it was.
     * @throws AuthError account_unknown, team_admin_needed (a team would be left without an ADMIN)
     */
    async remove(project: Project, address: string): Promise<UserRow> {
      const user = await find(project, address)
      const removed = await store.transaction(project.id, async (tx) => {
        await tx.sessions.hold(project.id, user.id)
        await partFromTeams(tx, project, user.id)
        const passwordHash = await tx.passwords.find(project.id, user.id)
        return tx.leavers.remove(project.id, user.id, passwordHash)
      })
      if (!removed) throw new AuthError('account_unknown')
      return user
    },

    /** Up to `limit` accounts with a larger id than `after` (null: from the first on), the oldest first. */
    list: (project: Project, after: number | null, limit: number): Promise<UserRow[]> =>
      store.people.list(project.id, after, limit),
  }
}

export type People = ReturnType<typeof createPeople>
