// Who makes a request, as far as it has been proven.
import type { UserRow } from '../repositories/accounts/users.ts'
import type { SessionClient } from '../repositories/sessions/sessions.ts'

export type { SessionClient }

/** A user on whose behalf a request is made, by a session or by an API key. */
export interface Actor {
  readonly user: UserRow
  /** Null: outside of any session, by an API key. */
  readonly sessionId: string | null
  /** Absent: in a session. */
  readonly key?: { readonly id: string }
  /** UUID of the operator who acts as this user; absent or null: the user acts. */
  readonly impersonator?: string | null
}

export interface Principal extends Actor {
  readonly sessionId: string
  /** The session's refresh generation whose access token was presented. */
  readonly generation: number
  /** The API that opened the session. */
  readonly client: SessionClient
}

/** A user by one of their API keys. It is no principal, so verbs that need a session do not accept it. */
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

export interface Caller {
  /** The API that the request came by: a session that it opens belongs to it. */
  readonly client: SessionClient
  /** The client's address as limits count it: IPv4, or the /64 of an IPv6 address. */
  readonly address: string
  /** The address as the account's owner may see it: IPv4 /24, IPv6 /48. */
  readonly addressPrefix: string | null
  /** The User-Agent header, at most 512 characters of it. */
  readonly userAgent: string | null
  /** Browser and system in words, such as "Firefox on Linux". */
  readonly device: string
  /** Whether the request carried the project's secret. */
  readonly provesProject: boolean
  /** What a browser keeps that an account trusts; absent or null: nothing. */
  readonly deviceToken?: string | null
}

/** The device and the network of a client, as mails show them. */
export const shownCaller = ({ device, addressPrefix }: Caller) => ({
  device,
  ...(addressPrefix ? { addressPrefix } : {}),
})

/** How an operator acts, for the security log. */
export interface OperatorAct {
  readonly via: 'command_line' | 'admin_api' | 'project_secret'
  /** UUID of the operator's account; absent: by the command line, a key or a project's secret. */
  readonly by?: string
  /** UUID of the operator key. */
  readonly keyId?: string
  /** The operator's own session; null: none. */
  readonly sessionId: string | null
}

export const commandLine: OperatorAct = { via: 'command_line', sessionId: null }

export const operatorCaller: Caller = {
  client: 'canonical',
  address: 'operator',
  addressPrefix: null,
  userAgent: null,
  device: '',
  provesProject: false,
}
