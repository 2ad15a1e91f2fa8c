// Who makes a request, as far as it has proven.
import type { UserRow } from '../repositories/users.ts'

/** A signed-in user in one of their sessions. */
export interface Principal {
  readonly user: UserRow
  readonly sessionId: string
  /** The session's refresh generation whose access token was presented. */
  readonly generation: number
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
