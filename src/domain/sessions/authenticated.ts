// What a session is opened from: an account of which everything was proven that its sessions need.
//
// Only `domain/credentials/second-factor.ts` makes one, which `test/architecture.test.ts` checks: whatever opens a session has asked
// there whether a second factor is due.
import type { UserRow } from '../../repositories/accounts/users.ts'
import type { SessionState } from '../../repositories/sessions/sessions.ts'

/**
 * How a user was authenticated, in the words of RFC 8176 §2: `pwd` by password, `otp` by a code that was mailed or generated,
 * `hwk` or `swk` by a key, `user` with the user's presence proven, `mfa` by several. `fed` is ours: by a sign-in provider.
 */
export type AuthenticationMethod = 'pwd' | 'otp' | 'hwk' | 'swk' | 'user' | 'mfa' | 'fed'

export class Authenticated {
  /** As it was read: no session is opened if its sessions were ended since. */
  readonly user: UserRow
  readonly amr: readonly AuthenticationMethod[]
  /** 2: by two factors, or one that is two by itself. */
  readonly acr: SessionState['acr']

  private constructor(user: UserRow, amr: readonly AuthenticationMethod[], acr: SessionState['acr']) {
    this.user = user
    this.amr = amr
    this.acr = acr
  }

  /** One factor, where no more is due. */
  static byOneFactor(user: UserRow, amr: readonly AuthenticationMethod[]): Authenticated {
    return new Authenticated(user, amr, '1')
  }

  /** One factor that is two by itself, such as a key whose holder its device has verified. */
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

  /** As the session that the same browser holds was opened: no more was proven since. */
  static bySession(user: UserRow, { amr, acr }: Pick<SessionState, 'amr' | 'acr'>): Authenticated {
    return new Authenticated(user, amr.split(' ') as AuthenticationMethod[], acr)
  }
}

/** Each method once, in the order in which they were used; `mfa` is the last. */
export function joinMethods(...lists: readonly (readonly AuthenticationMethod[])[]): AuthenticationMethod[] {
  const all = new Set(lists.flat())
  return [...[...all].filter((method) => method !== 'mfa'), ...(all.has('mfa') ? (['mfa'] as const) : [])]
}
