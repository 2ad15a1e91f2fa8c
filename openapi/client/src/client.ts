// @sallyport/client: sign-up, sign-in and all that a signed-in user may do, against a Sallyport service.
import { AuthenticationError } from './errors.js'
import type { SallyportClient, Session, Success, VerificationRequired } from './methods.js'
import type { components, paths } from './schema.js'
import { type AuthListener, createSessions } from './sessions.js'
import { memoryStorage, pageStorage, type TokenStorage } from './storage.js'
import { type Call, createTransport, type Fetch } from './transport.js'

export {
  ApiError,
  AuthenticationError,
  AuthorizationError,
  type ErrorCode,
  NetworkError,
  NotFoundError,
  RateLimitError,
  ServerError,
  ValidationError,
} from './errors.js'
export type { CallOptions, SallyportClient, Session, User, VerificationRequired } from './methods.js'
export type { components, operations, paths } from './schema.js'
export type { AuthEvent } from './sessions.js'
export { memoryStorage, type TokenStorage } from './storage.js'

export interface ClientOptions {
  /** Origin of the service, such as https://auth.example.com. Left out: the origin of the page. */
  baseUrl?: string
  /** UUID of the project. Left out: the default project of the service. */
  projectId?: string
  projectUserAuth?: {
    /** A session from elsewhere. What the storage holds is newer and wins. */
    accessToken?: string
    refreshToken?: string
    /** Refresh ahead of expiry, and once after a 401. Default: true. */
    autoRefresh?: boolean
    /** Where tokens rest. Default: memory; with cookies, which hold the tokens themselves, localStorage. */
    tokenStorage?: TokenStorage
    /** Tokens in bodies and `Authorization` (default), or in HttpOnly cookies that no script can read. */
    transport?: 'bearer' | 'cookie'
  }
  /** Milliseconds until a request counts as unanswered. Default: 15 000. */
  timeout?: number
  /** Instead of the global one. */
  fetch?: Fetch
  /** Sent with every request, for a back end's `project-secret`. */
  headers?: Record<string, string>
}

type Schemas = components['schemas']
type Verb = 'get' | 'post' | 'put' | 'patch' | 'delete'
/** Paths that answer a verb; a typing error, or a route that is gone, fails to compile. */
type PathOf<V extends Verb> = keyof { [P in keyof paths as paths[P][V] extends object ? P : never]: P }
/** What a path answers to a verb when all is well. */
type AnswerOf<V extends Verb, P extends keyof paths> = paths[P][V] extends { responses: infer R }
  ? Promise<Success<R>>
  : never

interface Asked {
  readonly params?: Record<string, string>
  readonly query?: Record<string, string | number | undefined>
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
}

/** Builds a client. Nothing is sent, and no storage is read, before the first call. */
export function createClient(options: ClientOptions = {}): SallyportClient {
  const auth = options.projectUserAuth ?? {}
  const { autoRefresh = true, accessToken, refreshToken } = auth
  const cookies = auth.transport === 'cookie'
  const baseUrl = (options.baseUrl ?? '').replace(/\/+$/, '')
  const timeoutMs = options.timeout ?? 15_000
  const given = auth.tokenStorage ?? (cookies ? pageStorage() : null)
  const send = createTransport({
    baseUrl,
    projectId: options.projectId,
    headers: options.headers ?? {},
    credentials: cookies,
    timeoutMs,
    // Called bare: a method of something else would lose its window.
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
  })
  const sessions = createSessions({
    send,
    cookies,
    autoRefresh,
    storage: given ?? memoryStorage(),
    shared: given !== null,
    // In letters that every storage accepts as a key.
    key: `sallyport_${auth.transport ?? 'bearer'}_${baseUrl}_${options.projectId ?? ''}`.replace(
      /[^\w.-]+/g,
      '-',
    ),
    timeoutMs,
    initial:
      accessToken || refreshToken
        ? {
            ...(accessToken ? { access_token: accessToken } : {}),
            ...(refreshToken ? { refresh_token: refreshToken } : {}),
          }
        : null,
  })
  const choice: Record<string, string> = cookies ? { 'session-transport': 'cookie' } : {}

  function toCall(verb: Verb, path: PropertyKey, { params = {}, query = {}, body, signal }: Asked): Call {
    const filled = String(path).replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(params[name] ?? ''))
    const asked = Object.entries(query).filter(([, value]) => value !== undefined)
    const search = asked.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&')
    return { method: verb.toUpperCase(), path: search ? `${filled}?${search}` : filled, body, signal }
  }

  /** A request of nobody in particular. */
  const open = <V extends Verb, P extends PathOf<V>>(verb: V, path: P, asked: Asked = {}) =>
    send({ ...toCall(verb, path, asked), headers: choice }) as AnswerOf<V, P>

  /** Waits for a renewal that others may wait for too, no longer than the caller wants. */
  async function renewed(signal: AbortSignal | undefined) {
    if (signal?.aborted) throw signal.reason
    const renewal = sessions.renew(sessions.stamp())
    if (!signal) return renewal
    let end = () => {}
    const given = new Promise<never>((_, reject) => {
      end = () => reject(signal.reason)
      signal.addEventListener('abort', end)
    })
    return Promise.race([renewal, given]).finally(() => signal.removeEventListener('abort', end))
  }

  /** A request of the signed-in user: refreshed ahead of expiry, and tried again once after a 401 and a refresh. */
  const own = <V extends Verb, P extends PathOf<V>>(verb: V, path: P, asked: Asked = {}) =>
    asUser(toCall(verb, path, asked)) as AnswerOf<V, P>

  async function asUser(call: Call): Promise<unknown> {
    await sessions.ready()
    let failure: unknown
    if (autoRefresh && sessions.isEnding() && sessions.canRefresh())
      // The token may still be good for this one call; only a session that is over ends it here.
      await renewed(call.signal).catch((error) => {
        if (error === call.signal?.reason || !sessions.current()) throw error
        failure = error
      })
    for (let tries = 0; ; tries++) {
      const used = sessions.stamp()
      const token = sessions.current()?.access_token
      try {
        const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
        return await send({ ...call, headers })
      } catch (error) {
        const over = error instanceof AuthenticationError && error.code === 'unauthenticated'
        if (!over || !autoRefresh || !sessions.canRefresh() || tries > 1) throw error
        if (failure) throw failure
        // Renewed by somebody else while this request was under way: that is reason enough to ask again.
        if (sessions.stamp() !== used) continue
        const renewal = await renewed(call.signal).catch((refusal) => {
          // The session is over: the call itself says so best.
          throw refusal instanceof AuthenticationError ? error : refusal
        })
        if (!renewal) throw error
        if (!renewal.adopted) tries++
      }
    }
  }

  /** Begins the session that a sign-in has opened; a sign-up that must be verified first opens none. */
  async function begun<T extends Schemas['Session'] | VerificationRequired>(
    answering: Promise<T>,
  ): Promise<T> {
    const answer = await answering
    if ('expires_at' in answer) await sessions.begin(answer)
    return answer
  }

  const client: SallyportClient = {
    signUp: (body, { signal } = {}) => begun(open('post', '/api/auth/signup', { body, signal })),
    signInWithPassword: (body, { signal } = {}) => begun(open('post', '/api/auth/login', { body, signal })),
    async refreshSession({ signal } = {}) {
      await sessions.ready()
      if (!(sessions.canRefresh() && (await renewed(signal)))) throw nobody()
      return sessions.current() as Session
    },
    async getSession({ signal } = {}) {
      await sessions.ready()
      const unknown = cookies && !sessions.current() && sessions.canRefresh()
      if (unknown || (autoRefresh && sessions.isEnding() && sessions.canRefresh()))
        // Whether one is signed in does not depend on the network.
        await renewed(signal).catch((error) => {
          if (error === signal?.reason) throw error
        })
      const session = sessions.current()
      if (session && !session.user) sessions.complete((await client.me({ signal })).user)
      return sessions.current() as Session | null
    },
    onAuthStateChange: (listener) => sessions.listen(listener as AuthListener),
    me: ({ signal } = {}) => own('get', '/api/auth/me', { signal }),
    async signOut({ signal } = {}) {
      try {
        await own('post', '/api/auth/logout', { signal })
      } catch (error) {
        // It has ended already, which is what was wanted.
        if (!(error instanceof AuthenticationError)) throw error
      }
      await sessions.end()
    },
    async signOutAll({ signal } = {}) {
      await own('post', '/api/auth/logout-all', { signal })
      await sessions.end()
    },
    changePassword: (body, { signal } = {}) => own('post', '/api/auth/change-password', { body, signal }),
    forgotPassword: (body, { signal } = {}) => open('post', '/api/auth/forgot-password', { body, signal }),
    resetPassword: (body, { signal } = {}) => open('post', '/api/auth/reset-password', { body, signal }),
    resendVerificationEmail: (body, { signal } = {}) =>
      open('post', '/api/auth/verify-email/resend', { body, signal }),
    confirmVerificationEmail: (body, { signal } = {}) =>
      open('post', '/api/auth/verify-email/confirm', { body, signal }),
    listSessions: ({ signal } = {}) => own('get', '/api/auth/sessions', { signal }),
    revokeSession: (id, { signal } = {}) =>
      own('delete', '/api/auth/sessions/{id}', { params: { id }, signal }),
    revokeOtherSessions: ({ signal } = {}) => own('post', '/api/auth/sessions/revoke-others', { signal }),
    updateProfile: (body, { signal } = {}) => own('patch', '/api/auth/profile', { body, signal }),
    setAvatar: (picture, { signal } = {}) =>
      own('put', '/api/auth/avatar', {
        body: typeof picture === 'string' ? { avatar: picture } : picture,
        signal,
      }),
    deleteAvatar: ({ signal } = {}) => own('delete', '/api/auth/avatar', { signal }),
    changeEmail: (body, { signal } = {}) => own('post', '/api/auth/change-email', { body, signal }),
    confirmEmailChange: (body, { signal } = {}) =>
      open('post', '/api/auth/change-email/confirm', { body, signal }),
    undoEmailChange: (body, { signal } = {}) => open('post', '/api/auth/change-email/undo', { body, signal }),
    listActivity: ({ signal, ...query } = {}) => own('get', '/api/auth/me/activity', { query, signal }),
    exportAccount: ({ signal } = {}) => own('get', '/api/auth/me/export', { signal }),
    async deleteAccount(body, { signal } = {}) {
      await own('delete', '/api/auth/me', { body, signal })
      await sessions.end()
    },
    signInWithSocial: (body, { signal } = {}) =>
      begun(open('post', '/api/auth/login/social', { body, signal })),
    exchangeSocialLogin: (body, { signal } = {}) =>
      begun(open('post', '/api/auth/login/social/exchange', { body, signal })),
    socialLoginUrl: (provider, query) =>
      baseUrl +
      toCall('get', '/api/auth/login/social/{provider}' satisfies PathOf<'get'>, {
        params: { provider },
        query: {
          project_id: options.projectId,
          session_transport: cookies ? 'cookie' : undefined,
          ...query,
        },
      }).path,
    listIdentities: ({ signal } = {}) => own('get', '/api/auth/identities', { signal }),
    linkIdentity: (provider, body, { signal } = {}) =>
      own('post', '/api/auth/identities/{provider}', { params: { provider }, body, signal }),
    unlinkIdentity: (id, { signal } = {}) =>
      own('delete', '/api/auth/identities/{id}', { params: { id }, signal }),
    setPassword: (body, { signal } = {}) => own('post', '/api/auth/set-password', { body, signal }),
    listUserApiKeys: ({ signal } = {}) => own('get', '/api/auth/api-keys', { signal }),
    createUserApiKey: (body, { signal } = {}) => own('post', '/api/auth/api-keys', { body, signal }),
    revokeUserApiKey: (id, { signal } = {}) =>
      own('post', '/api/auth/api-keys/{id}/revoke', { params: { id }, signal }),
    listTeams: ({ signal } = {}) => own('get', '/api/auth/teams', { signal }),
    createTeam: (body, { signal } = {}) => own('post', '/api/auth/teams', { body, signal }),
    getTeam: (id, { signal } = {}) => own('get', '/api/auth/teams/{id}', { params: { id }, signal }),
    updateTeam: (id, body, { signal } = {}) =>
      own('patch', '/api/auth/teams/{id}', { params: { id }, body, signal }),
    deleteTeam: (id, { signal } = {}) => own('delete', '/api/auth/teams/{id}', { params: { id }, signal }),
    listTeamMembers: (id, { signal } = {}) =>
      own('get', '/api/auth/teams/{id}/members', { params: { id }, signal }),
    addTeamMember: (id, body, { signal } = {}) =>
      own('post', '/api/auth/teams/{id}/members', { params: { id }, body, signal }),
    updateTeamMember: (id, user, body, { signal } = {}) =>
      own('patch', '/api/auth/teams/{id}/members/{user}', { params: { id, user }, body, signal }),
    removeTeamMember: (id, user, { signal } = {}) =>
      own('delete', '/api/auth/teams/{id}/members/{user}', { params: { id, user }, signal }),
    listTeamInvitations: (id, { signal } = {}) =>
      own('get', '/api/auth/teams/{id}/invitations', { params: { id }, signal }),
    inviteToTeam: (id, body, { signal } = {}) =>
      own('post', '/api/auth/teams/{id}/invitations', { params: { id }, body, signal }),
    revokeTeamInvitation: (id, invitation, { signal } = {}) =>
      own('delete', '/api/auth/teams/{id}/invitations/{invitation}', { params: { id, invitation }, signal }),
    acceptTeamInvitation: (body, { signal } = {}) =>
      own('post', '/api/auth/team-invitations/accept', { body, signal }),
    close: sessions.close,
  }
  return client
}

function nobody(): AuthenticationError {
  return new AuthenticationError({
    status: 401,
    code: 'unauthenticated',
    message: 'Nobody is signed in.',
    requestId: null,
    retryAfter: null,
    problem: {},
  })
}
