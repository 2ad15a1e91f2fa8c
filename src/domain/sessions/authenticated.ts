// The proof from which a session is opened: an account and the factors that were proven for it.
//
// Only `domain/credentials/second-factor.ts` creates one (`test/architecture.test.ts` checks this), so no session is opened
// without the decision whether a second factor is due.
import type { UserRow } from '../../repositories/accounts/users.ts'
import type { SessionState } from '../../repositories/sessions/sessions.ts'

/**
 * How a user was authenticated (RFC 8176 §2): `pwd` password, `otp` a mailed code or one of an authenticator, `hwk` or `swk`
 * a key, `user` presence of the user, `mfa` several factors. `fed` is not in the RFC: a sign-in provider.
 */
export type AuthenticationMethod = 'pwd' | 'otp' | 'hwk' | 'swk' | 'user' | 'mfa' | 'fed'

export class Authenticated {
  /** As it was read. No session is opened if the account's sessions were ended since. */
  readonly user: UserRow
  readonly amr: readonly AuthenticationMethod[]
  /** 2: two factors, or one that counts as two. */
  readonly acr: SessionState['acr']

  private constructor(user: UserRow, amr: readonly AuthenticationMethod[], acr: SessionState['acr']) {
    this.user = user
    this.amr = amr
    this.acr = acr
  }

  /** One factor, where no second one is due. */
  static byOneFactor(user: UserRow, amr: readonly AuthenticationMethod[]): Authenticated {
    return new Authenticated(user, amr, '1')
  }

  /** One factor that counts as two, such as a passkey whose authenticator verified the user. */
  static byStrongFactor(user: UserRow, amr: readonly AuthenticationMethod[]): Authenticated {
    return new Authenticated(user, amr, '2')
  }

  /** A first factor and a second one. */
  static byTwoFactors(
    user: UserRow,
    first: readonly AuthenticationMethod[],
    second: readonly AuthenticationMethod[],
  ): Authenticated {
    return new Authenticated(user, joinMethods(first, second, ['mfa']), '2')
  }

  /** As an earlier session of the same browser was opened; no factor was proven since. */
  static bySession(user: UserRow, { amr, acr }: Pick<Authenticated, 'amr' | 'acr'>): Authenticated {
    return new Authenticated(user, amr, acr)
  }
}

/** Joins lists of methods: each method once, in the order of use, `mfa` last. */
export function joinMethods(...lists: readonly (readonly AuthenticationMethod[])[]): AuthenticationMethod[] {
  const all = new Set(lists.flat())
  return [...[...all].filter((method) => method !== 'mfa'), ...(all.has('mfa') ? (['mfa'] as const) : [])]
}
