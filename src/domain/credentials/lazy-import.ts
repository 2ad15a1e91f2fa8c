// Lazy migration: for a period, the old system checks the password of an address without an account, and the user is imported.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { isUuid, normalizeEmail } from '../../formats.ts'
import { deleteClaims } from '../../repositories/accounts/claims.ts'
import { releaseDueAddress } from '../../repositories/accounts/deletion.ts'
import { findUserByEmail, profileByColumn, type UserWithPassword } from '../../repositories/accounts/users.ts'
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

/** Minimum duration of a refused sign-in in milliseconds: the old system's timeout of three seconds, and the work after it. */
const refusalFloorMs = 3500

const name = Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()]))

/** The fields of a user that are read from the old system's answer. */
const personSchema = Type.Object({
  email_verified: Type.Optional(Type.Boolean()),
  first_name: name,
  last_name: name,
  display_name: name,
  metadata: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  sub: Type.Optional(Type.String({ maxLength: 255 })),
})
type OldPerson = Static<typeof personSchema>

/** NUL and surrogates as JSON escapes them: PostgreSQL's jsonb refuses NUL and lone surrogates. */
const unstorable = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i

function readPerson(answer: Readonly<Record<string, unknown>>): OldPerson | null {
  // A claim that a token endpoint leaves out is undefined here.
  const given: unknown = JSON.parse(JSON.stringify(answer))
  if (!Value.Check(personSchema, given) || unstorable.test(JSON.stringify(given))) return null
  // What else the old system answers was not checked.
  return Value.Clean(personSchema, given) as OldPerson
}

/**
 * Checks the password of an address without an account with the old system, and imports the user if it is right.
 * @returns the account, which a concurrent sign-in may have imported; null if the old system refuses or the user cannot be
 *   imported
 * @throws AuthError overloaded
 */
export async function importAtSignIn(
  ctx: Context,
  given: { readonly email: string; readonly password: string },
): Promise<UserWithPassword | null> {
  const system = openOldSystemOf(ctx.project.policy, ctx.services.now())
  if (!system) return null
  const email = normalizeEmail(given.email)
  // Also taken: an address that an account changed within days, because its owner can undo that change.
  if (await isAddressTaken(ctx.store, email)) return null
  const verdict = await ctx.services.askOldSystem(system, { email, password: given.password })
  if (verdict.kind === 'accepts_any_password') await endMigration(ctx)
  if (verdict.kind !== 'right') return null
  const person = readPerson(verdict.person)
  if (person) await importPerson(ctx, email, person, await hashPassword(ctx, given.password))
  const user = person && (await findUserByEmail(ctx.store, email))
  if (user) return { ...user, passwordHash: await findPasswordHash(ctx.store, user.id) }
  ctx.services.observer.importRefused({ projectId: ctx.project.id, host: new URL(system.url).host })
  return null
}

/** Inserts the account and its events, as `users import` does. An existing account stays as it is. */
async function importPerson(
  ctx: Context,
  email: string,
  person: OldPerson,
  passwordHash: string,
): Promise<void> {
  const isVerified = person.email_verified === true
  const imported = {
    uuid: person.sub && isUuid(person.sub) ? person.sub.toLowerCase() : randomUUID(),
    email,
    passwordHash,
    role: 'user' as const,
    provider: null,
    emailVerifiedAt: isVerified ? new Date(ctx.services.now()).toISOString() : null,
    emailProof: isVerified ? ('holder' as const) : null,
    ...profileByColumn(person),
    disabledAt: null,
    deletionDueAt: null,
    createdAt: null,
    totp: null,
    identities: [],
    passkeys: [],
    recoveryCodes: [],
    teams: [],
  }
  await inTransaction(ctx, async (tx) => {
    await releaseDueAddress(tx.store, email)
    const { created } = await insertUsers(
      tx.store,
      [imported],
      circumstances(tx, true, { reason: 'old_system' }),
    )
    // Earlier claims on the address are void.
    if (created > 0 && isVerified) await deleteClaims(tx.store, email)
  })
}

/** Ends the migration now, for every instance: a system that accepts any password would open every address to strangers. */
async function endMigration({ services, project }: Context): Promise<void> {
  const written = { import: { verify_until: new Date(services.now()).toISOString() } }
  await changePolicy(services, project.id, (stored) => mergeStored(stored, written))
}

/**
 * Delays the refusal of an address and password, so that it takes the same time whether or not the old system was asked. Call it
 * before the attempt's turn is released: otherwise the wait of the client's next attempt on the address would disclose the time.
 * @param error the error that the sign-in throws; only refusals of a password are delayed
 * @param startedMs when the turn began, by `performance.now`
 */
export async function holdRefusal(ctx: Context, error: unknown, startedMs: number): Promise<void> {
  const code = error instanceof AuthError ? error.code : null
  if (code !== 'invalid_credentials' && code !== 'email_verification_required') return
  if (!openOldSystemOf(ctx.project.policy, ctx.services.now())) return
  await sleep(Math.max(0, refusalFloorMs - (performance.now() - startedMs)))
}
