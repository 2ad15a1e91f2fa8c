// Who makes a request, as far as it has proven.
import type { UserRow } from '../repositories/users.ts'

/** A user on whose behalf a request is made, however it came in. */
export interface Actor {
  readonly user: UserRow
  /** Null: outside of any session, by an API key. */
  readonly sessionId: string | null
  /** Absent: in a session. */
  readonly key?: { readonly id: string }
}

/** A signed-in user in one of their sessions. */
export interface Principal extends Actor {
  readonly sessionId: string
  /** The session's refresh generation whose access token was presented. */
  readonly generation: number
}

/** A user by one of their API keys: never a principal, so no verb that needs one is in its reach. */
export interface KeyHolder extends Actor {
  readonly sessionId: null
  readonly key: {
    readonly id: string
    readonly scopes: readonly string[]
    readonly createdAt: Date
    /** Null: until it is revoked. */
    readonly expiresAt: Date | null
  }
}

/** What the domain may know of a caller who has not signed in. */
export interface Caller {
  /** The client's address as a limiter counts it: IPv4, or the /64 of an IPv6 address. */
  readonly address: string
  /** The address as an account's owner may be shown it: IPv4 /24, IPv6 /48. */
  readonly addressPrefix: string | null
  /** The User-Agent header, at most 512 characters of it. */
  readonly userAgent: string | null
  /** Browser and system in words, such as "Firefox on Linux". */
  readonly device: string
  /** Whether the request carried the project's secret. */
  readonly provesProject: boolean
}
