// What an import would do, without doing it.
import type { InsertedUsers, TakenItem } from '../../repositories/operators/imported-users.ts'
import { findTaken, identityKey } from '../../repositories/operators/taken-users.ts'
import type { Context } from '../context.ts'
import type { ReadUser } from './imported-person.ts'
import { knownIdentities } from './user-import.ts'

/** Counts what an import would do, of one batch after another; writes nothing. */
export class ImportPreview {
  readonly #ctx: Context
  /** Identities and passkeys of the users before, which would have them. */
  readonly #given = new Set<string>()

  constructor(ctx: Context) {
    this.#ctx = ctx
  }

  async of(users: readonly ReadUser[]): Promise<InsertedUsers> {
    const whole = users.map((user) => ({ ...user, identities: knownIdentities(this.#ctx, user) }))
    const found = await findTaken(this.#ctx.store, whole)
    const existing = new Set(found.emails)
    const fresh = whole.filter(({ email }) => !existing.has(email))
    const identities = this.#lost(fresh, 'identity', found.identities, (user) =>
      user.identities.map(identityKey),
    )
    const passkeys = this.#lost(fresh, 'passkey', found.passkeys, (user) =>
      user.passkeys.map(({ credentialId }) => credentialId),
    )
    return {
      created: fresh.length,
      takenIdentities: identities.length,
      takenPasskeys: passkeys.length,
      taken: [...identities, ...passkeys],
    }
  }

  #lost<User extends { readonly email: string }>(
    users: readonly User[],
    kind: TakenItem['kind'],
    found: readonly string[],
    keysOf: (user: User) => readonly string[],
  ): TakenItem[] {
    for (const key of found) this.#given.add(`${kind} ${key}`)
    return users.flatMap((user) =>
      [...new Set(keysOf(user))].flatMap((key) => {
        const named = `${kind} ${key}`
        if (this.#given.has(named)) return [{ email: user.email, kind }]
        this.#given.add(named)
        return []
      }),
    )
  }
}
