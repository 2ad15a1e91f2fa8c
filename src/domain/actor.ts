// The user, API key or operator that a request was authenticated as, and the client that sent it.
import type { UserRow } from '../repositories/accounts/users.ts'
import type { SessionClient } from '../repositories/sessions/sessions.ts'

export type { SessionClient }

/** A user on whose behalf a request is made, by a session or by an API key. */
export interface Actor {
  readonly user: UserRow
  /** Null: authenticated by an API key, in no session. */
  readonly sessionId: string | null
  /** Absent: authenticated by a session. */
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

/** A user authenticated by an API key. It is no `Principal`, so functions that need a session do not accept it. */
export interface KeyHolder extends Actor {
  readonly sessionId: null
  readonly key: {
    readonly id: string
    readonly scopes: readonly string[]
    readonly createdAt: Date
    /** Null: valid until it is revoked. */
    readonly expiresAt: Date | null
  }
}

export interface Caller {
  /** The API of the request. A session that the request opens belongs to this API. */
  readonly client: SessionClient
  /** The address that limits are counted for: IPv4, or the /64 network of an IPv6 address. */
  readonly address: string
  /** The network that is stored and shown to the owner of the account: IPv4 /24, IPv6 /48. */
  readonly addressPrefix: string | null
  /** The first 512 characters of the User-Agent header. */
  readonly userAgent: string | null
  /** Browser and operating system, such as "Firefox on Linux". */
  readonly device: string
  /** Whether the request carried the project's secret. */
  readonly provesProject: boolean
  /** The token of a trusted device, from the browser's cookie; absent or null: none. */
  readonly deviceToken?: string | null
}

/** The device and network of a client, for the details of a mail. */
export const shownCaller = ({ device, addressPrefix }: Caller) => ({
  device,
  ...(addressPrefix ? { addressPrefix } : {}),
})

/** How an operator was authenticated, for the security log. */
export interface OperatorAct {
  readonly via: 'command_line' | 'admin_api' | 'project_secret'
  /** UUID of the operator's account; absent for the command line, an operator key or a project's secret. */
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
