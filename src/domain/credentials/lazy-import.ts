// Lazy moves: for a period, the password of an address without an account is checked by the old system, and the person is imported.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { isUuid, normalizeEmail } from '../../formats.ts'
import { deleteClaims } from '../../repositories/accounts/claims.ts'
import { releaseDueAddress } from '../../repositories/accounts/deletion.ts'
import { findUserByEmail, type UserWithPassword } from '../../repositories/accounts/users.ts'
import { findPasswordHash } from '../../repositories/credentials/passwords.ts'
import { isAddressTaken } from '../../repositories/credentials/verification-tokens.ts'
import { insertUsers } from '../../repositories/operators/imported-users.ts'
import { circumstances } from '../audit/audit.ts'
import { type Context, inTransaction } from '../context.ts'
import { AuthError } from '../errors.ts'
import { openOldSystemOf } from '../projects/old-system.ts'
import { mergeStored } from '../projects/policy.ts'
import { changePolicy } from '../projects/projects.ts'
import { hashPassword } from './passwords.ts'

/** Milliseconds that a refused sign-in takes at least: the old system's three seconds, and what follows. */
const refusalFloorMs = 3500

const name = Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()]))

/** What the old system says of a person; other fields are left out. */
const personSchema = Type.Object({
  email_verified: Type.Optional(Type.Boolean()),
  first_name: name,
  last_name: name,
  display_name: name,
  metadata: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  sub: Type.Optional(Type.String({ maxLength: 255 })),
})
type OldPerson = Static<typeof personSchema>

/** NUL and lone surrogates, as JSON writes them: PostgreSQL's JSON holds neither. */
const unstorable = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i

function readPerson(answer: Readonly<Record<string, unknown>>): OldPerson | null {
  // A claim that a token endpoint leaves out is undefined here.
  const given: unknown = JSON.parse(JSON.stringify(answer))
  return Value.Check(personSchema, given) && !unstorable.test(JSON.stringify(given)) ? given : null
}

/**
 * Asks the old system for a password whose address has no account here, and imports the person where it is right.
 * @returns the account, which another sign-in may have imported a moment before; null: the password opens nothing
 * @throws AuthError overloaded
 */
export async function importAtSignIn(
  ctx: Context,
  given: { readonly email: string; readonly password: string },
): Promise<UserWithPassword | null> {
  const system = openOldSystemOf(ctx.project.policy, ctx.services.now())
  if (!system) return null
  const email = normalizeEmail(given.email)
  // Also an address that an account was moved away from within days: its owner may bring it back.
  if (await isAddressTaken(ctx.store, email)) return null
  const verdict = await ctx.services.askOldSystem(system, { email, password: given.password })
  if (verdict.kind === 'says_yes_to_all') await endMove(ctx)
  if (verdict.kind !== 'right') return null
  const person = readPerson(verdict.person)
  if (person) await importPerson(ctx, email, person, await hashPassword(ctx, given.password))
  const user = person && (await findUserByEmail(ctx.store, email))
  if (user) return { ...user, passwordHash: await findPasswordHash(ctx.store, user.id) }
  ctx.services.observer.importRefused({ projectId: ctx.project.id, host: new URL(system.url).host })
  return null
}

/** Inserts the account as `users import` does, with its events; one that exists stays as it is. */
async function importPerson(
  ctx: Context,
  email: string,
  person: OldPerson,
  passwordHash: string,
): Promise<void> {
  const isVerified = person.email_verified === true
  const imported = {
    uuid: person.sub && isUuid(person.sub) ? person.sub.toLowerCase() : randomUUID(),
    ...({ email, passwordHash, role: 'user', provider: null, locale: null } as const),
    emailVerifiedAt: isVerified ? new Date(ctx.services.now()).toISOString() : null,
    emailProof: isVerified ? ('holder' as const) : null,
    displayName: person.display_name ?? null,
    firstName: person.first_name ?? null,
    lastName: person.last_name ?? null,
    metadata: person.metadata ?? {},
    ...{ disabledAt: null, deletionDueAt: null, createdAt: null, totp: null },
    ...{ identities: [], passkeys: [], recoveryCodes: [], teams: [] },
  }
  await inTransaction(ctx, async (tx) => {
    await releaseDueAddress(tx.store, email)
    const { created } = await insertUsers(
      tx.store,
      [imported],
      circumstances(tx, true, { reason: 'old_system' }),
    )
    // What was claimed on the address before belongs to nobody now.
    if (created > 0 && isVerified) await deleteClaims(tx.store, email)
  })
}

/** Ends the period now, for every instance: a system that takes any password would open every address to strangers. */
async function endMove({ services, project }: Context): Promise<void> {
  const written = { import: { verify_until: new Date(services.now()).toISOString() } }
  await changePolicy(services, project.id, (stored) => mergeStored(stored, written))
}

/**
 * Holds the refusal of an address and password until it takes the same time whether or not the old system was asked. To be called
 * before the attempt's turn is released: the next attempt on the address from this client would otherwise tell the time by its wait.
 * @param error what the sign-in throws; others than refusals of a password are not held
 * @param startedMs when the turn began, of `performance.now`
 */
export async function holdRefusal(ctx: Context, error: unknown, startedMs: number): Promise<void> {
  const code = error instanceof AuthError ? error.code : null
  if (code !== 'invalid_credentials' && code !== 'email_verification_required') return
  if (!openOldSystemOf(ctx.project.policy, ctx.services.now())) return
  await sleep(Math.max(0, refusalFloorMs - (performance.now() - startedMs)))
}
