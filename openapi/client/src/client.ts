// @sallyport/client: a client of a Sallyport service, for sign-up, sign-in and every route of a signed-in user.
import { AuthenticationError, SessionNotKeptError, StepUpRequiredError } from './errors.js'
import type {
  AnswerOf,
  Asked,
  PasskeyAuthenticator,
  PathOf,
  SallyportClient,
  Session,
  StepUpProof,
  Verb,
  VerificationRequired,
} from './methods.js'
import type { components } from './schema.js'
import { type AuthListener, createSessions } from './sessions.js'
import { memoryStorage, pageStorage, type TokenStorage } from './storage.js'
import { type Call, createTransport, type Fetch } from './transport.js'

export {
  ApiError,
  AuthenticationError,
  AuthorizationError,
  type ErrorCode,
  type FactorMethod,
  NetworkError,
  NotFoundError,
  RateLimitError,
  SecondFactorRequiredError,
  ServerError,
  SessionNotKeptError,
  StepUpRequiredError,
  ValidationError,
} from './errors.js'
export type {
  CallOptions,
  Passkey,
  PasskeyAuthenticator,
  RedirectOptions,
  SallyportClient,
  SecondFactorProof,
  Session,
  StepUpProof,
  User,
  VerificationRequired,
} from './methods.js'
export { createProofKey } from './proof-key.js'
export type { components, operations, paths } from './schema.js'
export type { AuthEvent } from './sessions.js'
export { memoryStorage, type TokenStorage } from './storage.js'

export interface ClientOptions {
  /** Origin of the service, such as https://auth.example.com. Default: the origin of the page. */
  baseUrl?: string
  /** UUID of the project. Default: the default project of the service. */
  projectId?: string
  projectUserAuth?: {
    /** Tokens of an existing session. A session in the storage takes precedence. */
    accessToken?: string
    refreshToken?: string
    /** Refreshes before the token expires, and once after a 401. Default: true. */
    autoRefresh?: boolean
    /** Where the session is stored. Default: memory; with cookies, which hold the tokens themselves, localStorage. */
    tokenStorage?: TokenStorage
    /** Sends tokens in bodies and `Authorization` (default), or in HttpOnly cookies that no script can read. */
    transport?: 'bearer' | 'cookie'
  }
  /**
   * Called where a method needs the owner proven again: asks the person, and returns what `stepUp` takes. The method is then
   * repeated, once. Null: the method throws the error.
   */
  onStepUpRequired?: (error: StepUpRequiredError) => Promise<StepUpProof | null>
  /** Makes passkeys and proves by them where there is no browser, such as on React Native. Default: the browser. */
  passkeys?: PasskeyAuthenticator
  /** Milliseconds after which a request fails with a NetworkError. Default: 15 000. */
  timeout?: number
  /** Used instead of the global `fetch`. */
  fetch?: Fetch
  /** Sent with every request, such as a back end's `project-secret`. */
  headers?: Record<string, string>
}

type Schemas = components['schemas']

/**
 * Creates a client. Nothing is sent, and no storage is read, before the first call.
 *
 * @param options the service, the project, and how the session is stored and sent
 * @returns the client, whose methods are described at SallyportClient
 */
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
    // Called as a plain function, because browsers refuse `fetch` as a method of another object.
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
  })
  const sessions = createSessions({
    send,
    cookies,
    autoRefresh,
    storage: given ?? memoryStorage(),
    shared: given !== null,
    // Reduced to characters that every storage accepts in a key.
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

  /** Sends a request without a session. */
  const open = <V extends Verb, P extends PathOf<V>>(verb: V, path: P, asked: Asked = {}) =>
    send({ ...toCall(verb, path, asked), headers: choice }) as AnswerOf<V, P>

  /** Waits for a refresh, which other calls may share, until `signal` aborts. */
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

  /** Sends a request of the signed-in user: refreshes before expiry, and retries once after a 401 and a refresh. */
  const own = <V extends Verb, P extends PathOf<V>>(verb: V, path: P, asked: Asked = {}) =>
    asUser(toCall(verb, path, asked)) as AnswerOf<V, P>

  /** The same for a request whose answer may have new tokens, which replace the session's. */
  const securing = <V extends Verb, P extends PathOf<V>>(verb: V, path: P, asked: Asked = {}) =>
    asUser(toCall(verb, path, asked), (call) => sessions.secure(() => send(call))) as AnswerOf<V, P>

  async function asUser(call: Call, transmit: typeof send = send): Promise<unknown> {
    await sessions.ready()
    let failure: unknown
    if (autoRefresh && sessions.isEnding() && sessions.canRefresh())
      // The token may still be valid for this call, so only the end of the session or an abort stops it here.
      await renewed(call.signal).catch((error) => {
        if (error === call.signal?.reason || !sessions.current()) throw error
        failure = error
      })
    let asked = false
    const who = sessions.current()?.user?.uuid
    /** Whether another person is signed in by now, here or in another tab. */
    const isAnother = () => who !== undefined && sessions.current()?.user?.uuid !== who
    for (let tries = 0; ; tries++) {
      const used = sessions.stamp()
      const token = sessions.current()?.access_token
      try {
        const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
        return await transmit({ ...call, headers })
      } catch (error) {
        if (error instanceof StepUpRequiredError && options.onStepUpRequired && !asked) {
          asked = true
          const proof = await options.onStepUpRequired(error)
          // It was not asked for another person's account.
          if (!proof || isAnother()) throw error
          await client.stepUp(proof, { signal: call.signal })
          continue
        }
        const over = error instanceof AuthenticationError && error.code === 'unauthenticated'
        if (!over || !autoRefresh || !sessions.canRefresh() || tries > 1) throw error
        if (failure) throw failure
        // Another call, tab or process refreshed the session during this request, so the request is retried.
        if (isAnother()) throw error
        if (sessions.stamp() !== used) continue
        const renewal = await renewed(call.signal).catch((refusal) => {
          // The session has ended, and the 401 of the call itself is the clearest error for it.
          throw refusal instanceof AuthenticationError ? error : refusal
        })
        if (!renewal) throw error
        if (!renewal.adopted) tries++
      }
    }
  }

  /** Stores the session that a sign-in has opened; a sign-up that must be verified first opens none. */
  async function begun<T extends Schemas['Session'] | VerificationRequired>(
    answering: Promise<T>,
  ): Promise<T> {
    const answer = await answering
    if ('expires_at' in answer) {
      if (cookies) await cookiesKept()
      await sessions.begin(answer)
      loaded?.then(({ sessionBegan }) => sessionBegan()).catch(() => {})
    }
    return answer
  }

  /** Checks once that this browser sends the cookies of a sign-in. */
  let kept: Promise<void> | undefined
  const cookiesKept = () => {
    kept ??= send(toCall('get', '/api/auth/me' satisfies PathOf<'get'>, {})).then(
      () => {},
      (error) => {
        kept = undefined
        if (error instanceof AuthenticationError) throw new SessionNotKeptError()
        // No answer says nothing about cookies.
      },
    )
    return kept
  }

  /** True if a refused sign-out means that the session has ended: the service also refuses its refresh token. */
  async function hasEnded(error: unknown, signal: AbortSignal | undefined): Promise<boolean> {
    if (!(error instanceof AuthenticationError) || error.code !== 'unauthenticated') return false
    if (!sessions.canRefresh()) return true
    try {
      await renewed(signal)
    } catch (refusal) {
      if (refusal instanceof AuthenticationError && refusal.code === 'invalid_refresh_token') return true
      throw refusal
    }
    // The session lives: its new token ends it.
    await own('post', '/api/auth/logout', { signal })
    return true
  }

  let loaded: Promise<ReturnType<typeof import('./passkeys.js')['createPasskeys']>> | undefined
  /** Loads what passkeys need, once; after a failure another call tries again. */
  const passkeys = () => {
    loaded ??= import('./passkeys.js').then(({ createPasskeys }) =>
      createPasskeys({ open, own, begun }, options.passkeys),
    )
    loaded.catch(() => {
      loaded = undefined
    })
    return loaded
  }

  const redirects = async () =>
    (await import('./redirect.js')).createRedirects({ open, own, begun }, baseUrl, options.projectId)

  /** Asks the browser for the passkey of a proof that has options and no credential yet. */
  async function answered(given: object, signal: AbortSignal | undefined): Promise<object> {
    const { passkey_options, ...body } = given as { passkey_options?: Schemas['PasskeyRequestOptions'] }
    if (!passkey_options) return body
    return { ...body, credential: await (await passkeys()).prove(passkey_options, signal) }
  }

  const client: SallyportClient = {
    signUp: (body, { signal } = {}) => begun(open('post', '/api/auth/signup', { body, signal })),
    signInWithPassword: (body, { signal } = {}) => begun(open('post', '/api/auth/login', { body, signal })),
    completeSecondFactor: async (given, { signal } = {}) => {
      const body = await answered(given, signal)
      return begun(open('post', '/api/auth/login/second-factor', { body, signal }))
    },
    requestSecondFactorCode: (body, { signal } = {}) =>
      open('post', '/api/auth/login/second-factor/email-code', { body, signal }),
    requestSignInEmail: (body, { signal } = {}) => open('post', '/api/auth/login/email', { body, signal }),
    confirmSignInEmail: (body, { signal } = {}) =>
      begun(open('post', '/api/auth/login/email/confirm', { body, signal })),
    signInWithPasskey: async ({ signal } = {}) => (await passkeys()).signIn(signal),
    startConditionalSignIn: async ({ signal } = {}) => (await passkeys()).autofill(signal),
    registerPasskey: async ({ name, signal } = {}) => (await passkeys()).register(name, signal),
    upgradeToPasskey: async ({ signal } = {}) => (await passkeys()).upgrade(signal),
    listPasskeys: async ({ signal } = {}) => (await passkeys()).list(signal),
    renamePasskey: async (id, body, { signal } = {}) => (await passkeys()).rename(id, body, signal),
    removePasskey: async (id, { signal } = {}) => (await passkeys()).remove(id, signal),
    async refreshSession({ signal } = {}) {
      await sessions.ready()
      if (!(sessions.canRefresh() && (await renewed(signal)))) throw notSignedIn()
      return sessions.current() as Session
    },
    async getSession({ signal } = {}) {
      await sessions.ready()
      const unknown = cookies && !sessions.current() && sessions.canRefresh()
      if (unknown || (autoRefresh && sessions.isEnding() && sessions.canRefresh()))
        // A network failure does not change whether the user is signed in.
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
        if (!(await hasEnded(error, signal))) throw error
      }
      await sessions.end()
    },
    async signOutAll({ signal } = {}) {
      await own('post', '/api/auth/logout-all', { signal })
      await sessions.end()
    },
    changePassword: (body, { signal } = {}) =>
      securing('post', '/api/auth/change-password', { body, signal }),
    stepUp: async (given, { signal } = {}) =>
      securing('post', '/api/auth/step-up', { body: await answered(given, signal), signal }),
    requestStepUpCode: ({ signal } = {}) => own('post', '/api/auth/step-up/email-code', { signal }),
    listFactors: ({ signal } = {}) => own('get', '/api/auth/factors', { signal }),
    proposeAuthenticator: ({ signal } = {}) => own('post', '/api/auth/factors/totp', { signal }),
    confirmAuthenticator: (body, { signal } = {}) =>
      own('post', '/api/auth/factors/totp/confirm', { body, signal }),
    removeAuthenticator: ({ signal } = {}) => own('delete', '/api/auth/factors/totp', { signal }),
    renewRecoveryCodes: ({ signal } = {}) => own('post', '/api/auth/factors/recovery-codes', { signal }),
    endTrustedDevices: ({ signal } = {}) => own('delete', '/api/auth/factors/trusted-devices', { signal }),
    forgotPassword: (body, { signal } = {}) => open('post', '/api/auth/forgot-password', { body, signal }),
    resetPassword: (body, { signal } = {}) => open('post', '/api/auth/reset-password', { body, signal }),
    resendVerificationEmail: (body, { signal } = {}) =>
      own('post', '/api/auth/verify-email/resend', { body, signal }),
    confirmVerificationEmail: (body, { signal } = {}) =>
      own('post', '/api/auth/verify-email/confirm', { body, signal }),
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
      own('post', '/api/auth/change-email/confirm', { body, signal }),
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
    signInWithRedirect: async (asked) => (await redirects()).go(asked),
    finishSignInRedirect: async ({ signal } = {}) => (await redirects()).finish(signal),
    listIdentities: ({ signal } = {}) => own('get', '/api/auth/identities', { signal }),
    linkIdentity: (provider, body, { signal } = {}) =>
      own('post', '/api/auth/identities/{identity}', { params: { identity: provider }, body, signal }),
    unlinkIdentity: (id, { signal } = {}) =>
      own('delete', '/api/auth/identities/{identity}', { params: { identity: id }, signal }),
    setPassword: (body, { signal } = {}) => securing('post', '/api/auth/set-password', { body, signal }),
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

function notSignedIn(): AuthenticationError {
  return new AuthenticationError({
    status: 401,
    code: 'unauthenticated',
    message: 'Nobody is signed in.',
    requestId: null,
    retryAfter: null,
    problem: {},
  })
}
