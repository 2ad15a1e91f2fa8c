// Imports accounts with their password hashes, identities, factors and memberships, in batches.
import { isCurrent } from '../../crypto/passwords.ts'
import {
  allowLongStatement,
  analyzeImportedTables,
  type ImportedTeam,
  type ImportedUser,
  type InsertedUsers,
  insertTeams,
  insertUsers,
} from '../../repositories/operators/imported-users.ts'
import { circumstances } from '../audit/audit.ts'
import { type Context, inTransaction, type Services } from '../context.ts'
import { sealTotpSecret } from '../credentials/totp.ts'
import { maxPasswordKinds, mergeStored } from '../projects/policy.ts'
import { changePolicy } from '../projects/projects.ts'
import { issuerOf } from '../projects/providers.ts'
import type { ReadUser } from './imported-person.ts'

/**
 * The kinds of imported password hashes in a project, such as `bcrypt:12`. A refused sign-in does the work of each of them, so that
 * its time does not show which kind an account has.
 */
export class PasswordKinds {
  readonly #known: Set<string>
  #added: string[] = []
  readonly #ctx: Context

  constructor(ctx: Context) {
    this.#ctx = ctx
    this.#known = new Set(ctx.project.policy.import.password_kinds)
  }

  /** Every kind, including newly admitted ones. */
  get all(): readonly string[] {
    return [...this.#known]
  }

  /** Adds the kind of a hash. @returns a sentence if the project has the maximum of kinds already; else null */
  admit({ passwordHash, passwordCost }: Pick<ReadUser, 'passwordHash' | 'passwordCost'>): string | null {
    const { parameters } = this.#ctx.services.passwords
    if (passwordHash === null || passwordCost === null || isCurrent(passwordHash, parameters)) return null
    if (this.#known.has(passwordCost)) return null
    if (this.#known.size >= maxPasswordKinds)
      return `password_hash is of the kind ${passwordCost}, and the project has ${maxPasswordKinds} kinds already, each of which a refused sign-in takes the work of.`
    this.#known.add(passwordCost)
    this.#added.push(passwordCost)
    return null
  }

  /** Writes new kinds into the policy. To be called before an account with such a hash is inserted. */
  async save(): Promise<void> {
    if (this.#added.length === 0) return
    this.#added = []
    const written = { import: { password_kinds: this.all } }
    await changePolicy(this.#ctx.services, this.#ctx.project.id, (stored) => mergeStored(stored, written))
  }
}

/** Sets the policy key `import.set_password_mail`: failed sign-ins to accounts without a password then send a mail that sets one. */
export async function offerPasswordsByMail(ctx: Context): Promise<void> {
  if (ctx.project.policy.import.set_password_mail) return
  const written = { import: { set_password_mail: true } }
  await changePolicy(ctx.services, ctx.project.id, (stored) => mergeStored(stored, written))
}

function sealed(ctx: Context, { uuid, totp }: ReadUser): ImportedUser['totp'] {
  if (!totp) return null
  const { secret, ...enrolled } = totp
  return { ...enrolled, sealedSecret: sealTotpSecret(ctx, uuid, secret).toString('hex') }
}

/** The identities of a user with their issuers, except those whose provider has no known issuer. */
export const knownIdentities = (ctx: Context, { identities }: ReadUser): ImportedUser['identities'] =>
  identities.flatMap((one) => {
    const issuer = one.issuer ?? issuerOf(ctx.project.policy.providers, one.provider)
    return issuer ? [{ ...one, issuer }] : []
  })

function complete(ctx: Context, user: ReadUser): ImportedUser {
  const { passwordCost: _, ...facts } = user
  const identities = knownIdentities(ctx, user)
  const provider = user.provider ?? (user.passwordHash === null ? (identities[0]?.provider ?? null) : null)
  return { ...facts, provider, identities, totp: sealed(ctx, user) }
}

/** The providers of a user's identities that an import leaves out because their issuer is not known. */
export const unknownProviders = (ctx: Context, { identities }: ReadUser): string[] =>
  identities
    .filter(({ issuer, provider }) => issuer === null && !issuerOf(ctx.project.policy.providers, provider))
    .map(({ provider }) => provider)

/**
 * Imports users with an unused address. Existing accounts do not change and keep their identities and passkeys: an imported account
 * is created without those.
 */
export async function importUsers(
  ctx: Context,
  users: readonly ReadUser[],
  kinds = new PasswordKinds(ctx),
): Promise<InsertedUsers> {
  for (const user of users) kinds.admit(user)
  await kinds.save()
  const whole = users.map((user) => complete(ctx, user))
  return inTransaction(ctx, async (tx) => {
    await allowLongStatement(tx.store)
    return insertUsers(tx.store, whole, circumstances(tx, false))
  })
}

/** Imports teams; existing ones do not change. @returns how many were inserted */
export const importTeams = (ctx: Context, teams: readonly ImportedTeam[]): Promise<number> =>
  insertTeams(ctx.store, teams)

/** Number of inserted users that makes the planner's statistics too outdated. */
const manyUsers = 10_000
/** Number of inserted users at the first renewal during an import: plans that were made for empty tables scan them whole. */
const firstUsers = 1000

/** Says when a running import should renew the planner's statistics: after 1000 accounts, and after each tenfold of that. */
export class StatisticsSchedule {
  #nextAt = firstUsers

  /** @param created accounts inserted so far */
  isDue(created: number): boolean {
    if (created < this.#nextAt) return false
    while (this.#nextAt <= created) this.#nextAt *= 10
    return true
  }
}

/** Renews the planner's statistics of the tables that an import fills. */
export const refreshStatistics = ({ stores }: Pick<Services, 'stores'>): Promise<void> =>
  analyzeImportedTables(stores.unscoped)

/** Whether a finished import created so many users that the statistics should be renewed. */
export const isLargeImport = (created: number): boolean => created >= manyUsers
