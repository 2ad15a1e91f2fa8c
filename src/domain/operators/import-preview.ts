// Dry run of an import: counts what it would do.
import type { InsertedUsers, TakenItem } from '../../repositories/operators/imported-users.ts'
import { findTaken, identityKey } from '../../repositories/operators/taken-users.ts'
import type { Context } from '../context.ts'
import type { ReadUser } from './imported-person.ts'
import { knownIdentities } from './user-import.ts'

/** Counts what an import would do, batch by batch. Writes nothing. */
export class ImportPreview {
  readonly #ctx: Context
  /** Identities and passkeys that earlier users of the import, or existing accounts, have. */
  readonly #owned = new Set<string>()

  constructor(ctx: Context) {
    this.#ctx = ctx
  }

  /** Counts what the import of a further batch would do. */
  async of(users: readonly ReadUser[]): Promise<InsertedUsers> {
    const whole = users.map((user) => ({ ...user, identities: knownIdentities(this.#ctx, user) }))
    const found = await findTaken(this.#ctx.store, whole)
    const existing = new Set(found.emails)
    const fresh = whole.filter(({ email }) => !existing.has(email))
    const identities = this.#taken(fresh, 'identity', found.identities, (user) =>
      user.identities.map(identityKey),
    )
    const passkeys = this.#taken(fresh, 'passkey', found.passkeys, (user) =>
      user.passkeys.map(({ credentialId }) => credentialId),
    )
    return {
      created: fresh.length,
      takenIdentities: identities.length,
      takenPasskeys: passkeys.length,
      taken: [...identities, ...passkeys],
    }
  }

  /** The items that would be left out because another account has them. */
  #taken<User extends { readonly email: string }>(
    users: readonly User[],
    kind: TakenItem['kind'],
    found: readonly string[],
    keysOf: (user: User) => readonly string[],
  ): TakenItem[] {
    for (const key of found) this.#owned.add(`${kind} ${key}`)
    return users.flatMap((user) =>
      [...new Set(keysOf(user))].flatMap((key) => {
        const named = `${kind} ${key}`
        if (this.#owned.has(named)) return [{ email: user.email, kind }]
        this.#owned.add(named)
        return []
      }),
    )
  }
}
