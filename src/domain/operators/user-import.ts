// Imports accounts with the hashes of their passwords and what else is theirs, in batches.
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

/** The kinds of imported hashes that a refused sign-in of the project takes the work of. */
export class PasswordKinds {
  readonly #known: Set<string>
  #added: string[] = []
  readonly #ctx: Context

  constructor(ctx: Context) {
    this.#ctx = ctx
    this.#known = new Set(ctx.project.policy.import.password_kinds)
  }

  /** Every kind, with those that were admitted. */
  get all(): readonly string[] {
    return [...this.#known]
  }

  /** Takes the kind of a hash in. @returns a sentence where the project has as many kinds as it may */
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

  /** Writes the new kinds into the policy. To be called before an account with such a hash is inserted. */
  async save(): Promise<void> {
    if (this.#added.length === 0) return
    this.#added = []
    const written = { import: { password_kinds: this.all } }
    await changePolicy(this.#ctx.services, this.#ctx.project.id, (stored) => mergeStored(stored, written))
  }
}

/** Lets failed sign-ins to accounts without a password send the mail that sets one. */
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

/** The identities of a user but those of providers whose issuer is not known. */
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

/** The providers of identities that an import leaves out, because their issuer is not known. */
export const unknownProviders = (ctx: Context, { identities }: ReadUser): string[] =>
  identities
    .filter(({ issuer, provider }) => issuer === null && !issuerOf(ctx.project.policy.providers, provider))
    .map(({ provider }) => provider)

/**
 * Imports users whose address is free; existing accounts stay as they are, and an identity or passkey that another account has stays
 * there.
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

/** Imports teams; those that exist stay as they are. @returns how many were inserted */
export const importTeams = (ctx: Context, teams: readonly ImportedTeam[]): Promise<number> =>
  insertTeams(ctx.store, teams)

/** Inserted users from which on the planner's statistics are too far off to be used. */
const manyUsers = 10_000
/** What an import that runs has inserted when it first renews them: plans made for empty tables read all that is in them. */
const firstUsers = 1000

/** When an import that runs should renew the planner's statistics: after its first 1000 accounts, and whenever it has ten times as many. */
export class StatisticsSchedule {
  #nextAt = firstUsers

  /** Whether they are due. @param created accounts so far */
  isDue(created: number): boolean {
    if (created < this.#nextAt) return false
    while (this.#nextAt <= created) this.#nextAt *= 10
    return true
  }
}

/** Renews the planner's statistics of the tables that an import fills. */
export const refreshStatistics = ({ stores }: Pick<Services, 'stores'>): Promise<void> =>
  analyzeImportedTables(stores.unscoped)

/** Whether an import that is over created so many users that the statistics should be renewed. */
export const isLargeImport = (created: number): boolean => created >= manyUsers
