// @sallyport/server: sessions of a Sallyport service in a back end or a server-rendered application.
import { createClient, type SallyportClient } from '@sallyport/client'
import { type AdminClient, createAdminClient } from '@sallyport/client/admin'
import { createVerifier, type Session, type Verdict } from './access-token.js'
import {
  type AuthenticationDemand,
  type SallyportError,
  ServiceUnavailableError,
  StepUpRequiredError,
  UnauthenticatedError,
} from './errors.js'
import { openEventFeed } from './event-feed.js'
import { createIntrospection } from './introspection.js'
import { createKeySet } from './key-set.js'
import { createRefresher } from './refresher.js'
import { bearerOf, cookieOf, headerOf, type RequestLike, refuseCrossSite, safeReturnTo } from './requests.js'
import { noRevocation, type Revocation } from './revocation.js'
import { createRoutes } from './routes.js'
import { createSessionCookies, type IssuedSession } from './session-cookies.js'
import { createWire } from './wire.js'

export type { Session } from './access-token.js'
export { optionsFrom } from './environment.js'
export {
  type AuthenticationDemand,
  CrossSiteRequestError,
  SallyportError,
  type SallyportErrorCode,
  ServiceUnavailableError,
  StepUpRequiredError,
  UnauthenticatedError,
} from './errors.js'
export type { RequestLike } from './requests.js'
export { cookiesAfter, type IssuedSession } from './session-cookies.js'

export interface SallyportOptions {
  /** PUBLIC_URL of the service, such as https://auth.example.com: where browsers find it, and `iss` of its tokens. */
  readonly url: string
  /** Where this back end reaches the service. Default: `url`. */
  readonly internalUrl?: string
  /** UUID of the project. */
  readonly projectId: string
  /** For revocation and the admin API. Never sent to a browser. */
  readonly projectSecret?: string
  /** `aud` of accepted tokens. Default: the project. */
  readonly audience?: string
  /**
   * When a session that has ended is refused: `none`: when its token expires; `introspection`: within five seconds, by a
   * request for each token; `events`: at once, by following the project's events, until `close`.
   */
  readonly revocation?: 'none' | 'introspection' | 'events'
  /** Where browsers find this application, such as https://app.example.com. Needed for sessions by cookie. */
  readonly appUrl?: string
  /** The path below which `handle` answers. Default: /auth. */
  readonly basePath?: string
  /** The application's own page with a sign-in form. Default: `<basePath>/sign-in`, which leads to the service's pages. */
  readonly signInPage?: string
  /** The first part of the names of this application's cookies. Default: sallyport_app. */
  readonly cookieName?: string
  /**
   * The address of a request's client, which the service then counts and lists instead of this back end's. The service must
   * have this back end in TRUSTED_PROXIES.
   */
  readonly clientAddress?: (request: RequestLike) => string | undefined
  /** Used instead of the global `fetch`. */
  readonly fetch?: typeof fetch
}

/** A visitor's session, and what the answer must tell the browser. */
export interface Resumed {
  /** Null: signed out. */
  readonly session: Session | null
  /** Lines of Set-Cookie for the answer; none in most cases. */
  readonly setCookies: readonly string[]
}

export interface Sallyport {
  /**
   * Verifies the access token of a request: of Authorization, else of this application's cookie, else of the service's.
   * Nothing is refreshed.
   *
   * @returns null without a valid one
   * @throws StepUpRequiredError, CrossSiteRequestError, ServiceUnavailableError
   */
  authenticate(request: RequestLike, demand?: AuthenticationDemand): Promise<Session | null>
  /**
   * The same for a visitor with this application's cookies, whose session is refreshed where its token ends. The lines in
   * `setCookies` must be sent with the answer.
   *
   * @throws StepUpRequiredError, CrossSiteRequestError, ServiceUnavailableError
   */
  resume(request: RequestLike, demand?: AuthenticationDemand): Promise<Resumed>
  /**
   * The session as `authenticate` finds it, where no cookie can be set. `mustRefresh` is true where only `resume` can tell.
   *
   * @throws StepUpRequiredError, ServiceUnavailableError
   */
  peek(
    request: RequestLike,
    demand?: AuthenticationDemand,
  ): Promise<{ session: Session | null; mustRefresh: boolean }>
  /** True for a session that was opened as strongly and as recently as demanded. */
  meets(session: Session, demand: AuthenticationDemand): boolean
  /** Stores a session that a client has opened. @returns the lines of Set-Cookie */
  begin(issued: IssuedSession): string[]
  /** Ends the visitor's session at the service. @returns the lines of Set-Cookie @throws ServiceUnavailableError */
  signOut(request: RequestLike): Promise<string[]>
  /** Answers the requests below `basePath`: forms, callback, sign-out, refresh. @returns null for every other request */
  handle(request: Request): Promise<Response | null>
  /** Ends a sign-in by redirect: exchanges the code in the query, and sets the cookies. */
  handleCallback(request: Request): Promise<Response>
  /** The answer to a request that was refused: for a page the way to the sign-in form, else the problem document. */
  refusal(request: RequestLike & { readonly url?: string | undefined }, error: SallyportError): Response
  /** A client of the service on behalf of a visitor; with a session, of the signed-in user. */
  clientFor(request: RequestLike, session?: Session): SallyportClient
  /** The admin API as the project. @throws TypeError without projectSecret */
  readonly admin: AdminClient
  /** False while the event feed is behind: sessions are then checked by introspection. */
  isCaughtUp(): boolean
  /** Resolves when the event feed has been read for the first time. */
  ready(): Promise<void>
  /** Stops following the events. */
  close(): void
  /** The options with their defaults. */
  readonly paths: { readonly base: string; readonly signIn: string }
}

/** Seconds before its end at which a token is refreshed, or a tenth of a short life. */
const aheadSeconds = 30

const withoutSlash = (url: string) => url.replace(/\/+$/, '')

/** Chooses how sessions that have ended are found out. */
function revocationOf(
  options: SallyportOptions,
  wire: Parameters<typeof createIntrospection>[0],
  now: () => number,
): Revocation {
  const { revocation = 'none', projectId, projectSecret } = options
  if (revocation === 'none') return noRevocation
  if (!projectSecret) throw new TypeError(`revocation: '${revocation}' needs projectSecret.`)
  return revocation === 'events' ? openEventFeed({ wire, projectId, now }) : createIntrospection(wire)
}

/**
 * Creates what a back end needs. Nothing is sent before the first request, but with `revocation: 'events'`.
 *
 * @throws TypeError where options lack what another one needs
 */
export function createSallyport(options: SallyportOptions): Sallyport {
  const url = withoutSlash(options.url)
  const { projectId, projectSecret, audience = projectId } = options
  if (!URL.canParse(url) || !projectId) throw new TypeError('createSallyport needs url and projectId.')
  const internalUrl = withoutSlash(options.internalUrl ?? url)
  const appUrl = options.appUrl === undefined ? null : new URL(options.appUrl).origin
  const base = withoutSlash(options.basePath ?? '/auth')
  const paths = { base, signIn: options.signInPage ?? `${base}/sign-in` }
  const send: typeof fetch = options.fetch ?? ((input, init) => fetch(input, init))
  const wire = createWire({ url: internalUrl, projectId, projectSecret, fetch: send })
  const keys = createKeySet(wire)
  const verify = createVerifier({ keys, audience, issuers: [url, `${url}/projects/${projectId}`] })
  const revocation = revocationOf(options, wire, keys.now)
  const cookies = createSessionCookies(
    options.cookieName ?? 'sallyport_app',
    appUrl?.startsWith('https:') ?? false,
  )
  // Over https only the one that is bound to its host: any other page below the same domain could set the plain name.
  const serviceCookies = ['__Host-', ...((appUrl ?? url).startsWith('https:') ? [] : [''])].map(
    (prefix) => `${prefix}sallyport_access_${projectId}`,
  )

  function clientFor(request: RequestLike, session?: Session): SallyportClient {
    const agent = headerOf(request, 'user-agent')
    const address = options.clientAddress?.(request)
    return createClient({
      baseUrl: internalUrl,
      projectId,
      headers: {
        ...(agent === null ? {} : { 'user-agent': agent }),
        ...(address === undefined ? {} : { 'x-forwarded-for': address }),
      },
      fetch: (input, init) => send(input, { ...init, cache: 'no-store' }),
      ...(session ? { projectUserAuth: { accessToken: session.accessToken, autoRefresh: false } } : {}),
    })
  }

  const { refresh, forget } = createRefresher(async (refreshToken) => {
    const projectUserAuth = { refreshToken }
    const fetch: typeof send = (input, init) => send(input, { ...init, cache: 'no-store' })
    return createClient({ baseUrl: internalUrl, projectId, projectUserAuth, fetch }).refreshSession()
  })

  const isEnding = ({ session, secondsLeft }: Verdict & { kind: 'valid' }) => {
    const life = (session.expiresAt.getTime() - session.issuedAt.getTime()) / 1000
    return secondsLeft <= Math.min(aheadSeconds, life / 10)
  }

  /** The session of a token; null where the token or the session has ended. */
  async function check(token: string): Promise<(Verdict & { kind: 'valid' }) | null> {
    const verdict = await verify(token)
    return verdict.kind === 'valid' && !(await revocation.hasEnded(verdict.session)) ? verdict : null
  }

  /** Refuses a request that another site may have made with the visitor's cookies. */
  const fromHere = (request: RequestLike) => refuseCrossSite(request, appUrl)

  function meets(session: Session, { requireAcr, maxAgeSeconds }: AuthenticationDemand): boolean {
    const isWeak = requireAcr !== undefined && !(Number(session.acr) >= Number(requireAcr))
    const isOld =
      maxAgeSeconds !== undefined && keys.now() - session.authTime.getTime() / 1000 > maxAgeSeconds
    return !isWeak && !isOld
  }

  function demanded(session: Session | null, demand: AuthenticationDemand): Session | null {
    if (session && !meets(session, demand)) throw new StepUpRequiredError(demand)
    return session
  }

  async function authenticate(
    request: RequestLike,
    demand: AuthenticationDemand = {},
  ): Promise<Session | null> {
    const bearer = bearerOf(request)
    const ofService = serviceCookies.map((name) => cookieOf(request, name)).find((value) => value !== null)
    const token = bearer ?? cookies.read(request, 'access') ?? ofService ?? null
    if (token === null) return null
    if (bearer === null) fromHere(request)
    return demanded((await check(token))?.session ?? null, demand)
  }

  async function peek(request: RequestLike, demand: AuthenticationDemand = {}) {
    const session = await authenticate(request, demand)
    if (session || cookies.read(request, 'refresh') === null) return { session, mustRefresh: false }
    const access = cookies.read(request, 'access')
    return { session, mustRefresh: access === null || (await verify(access)).kind !== 'valid' }
  }

  /** The visitor's session by a new token; the present one where the service cannot be asked and it is still valid. */
  async function renew(token: string, present: Session | null): Promise<Resumed> {
    let issued: IssuedSession | null
    try {
      issued = await refresh(token)
    } catch (error) {
      if (present && error instanceof ServiceUnavailableError) return { session: present, setCookies: [] }
      throw error
    }
    if (!issued?.access_token) return { session: null, setCookies: cookies.drop() }
    const verdict = await verify(issued.access_token)
    if (verdict.kind !== 'valid') {
      const cause = new Error(
        `The service issued a token that is ${verdict.kind} here: compare url with PUBLIC_URL, and audience.`,
      )
      throw new ServiceUnavailableError(cause)
    }
    return { session: verdict.session, setCookies: cookies.store(issued) }
  }

  async function resume(request: RequestLike, demand: AuthenticationDemand = {}): Promise<Resumed> {
    const refreshToken = cookies.read(request, 'refresh')
    if (bearerOf(request) !== null || refreshToken === null)
      return { session: await authenticate(request, demand), setCookies: [] }
    fromHere(request)
    const access = cookies.read(request, 'access')
    // A verdict of the service on the refresh token is the last word, so an ended session is refreshed, too.
    const valid = access === null ? null : await check(access)
    const resumed =
      valid && !isEnding(valid)
        ? { session: valid.session, setCookies: [] }
        : await renew(refreshToken, valid?.session ?? null)
    demanded(resumed.session, demand)
    return resumed
  }

  const begin = (issued: IssuedSession): string[] => {
    if (!issued.access_token || !issued.refresh_token) throw new TypeError('The session has no tokens.')
    return [...cookies.store(issued), cookies.clear('challenge')]
  }

  async function signOut(request: RequestLike): Promise<string[]> {
    fromHere(request)
    const { session } = await resume(request)
    if (session)
      await clientFor(request, session)
        .signOut()
        .catch((error: unknown) => {
          if (!(error instanceof Error && error.name === 'AuthenticationError'))
            throw new ServiceUnavailableError(error)
        })
    const presented = cookies.read(request, 'refresh')
    if (presented) forget(presented)
    return [...cookies.drop(), cookies.clear('challenge')]
  }

  function refusal(
    request: RequestLike & { readonly url?: string | undefined },
    error: SallyportError,
  ): Response {
    const isPage =
      (request.method ?? 'GET') === 'GET' && (headerOf(request, 'accept') ?? '').includes('text/html')
    if (!(error instanceof UnauthenticatedError) || !isPage || appUrl === null) return error.toResponse()
    const asked = request.url ?? '/'
    const url = URL.canParse(asked, appUrl) ? new URL(asked, appUrl) : null
    const returnTo = safeReturnTo(url && url.pathname + url.search, appUrl)
    const location = `${paths.signIn}?${new URLSearchParams({ returnTo })}`
    return new Response(null, { status: 303, headers: { location, 'cache-control': 'no-store' } })
  }

  const routes = createRoutes({
    appUrl,
    paths,
    cookies,
    clientFor,
    begin,
    signOut,
    resume,
    refresh,
    pageUrl: (page, query) => `${url}/${page}?${new URLSearchParams({ project: projectId, ...query })}`,
    providerUrl: (provider, query) =>
      createClient({ baseUrl: url, projectId }).socialLoginUrl(provider, query),
  })

  return {
    authenticate,
    resume,
    peek,
    meets,
    begin,
    signOut,
    refusal,
    clientFor,
    handle: routes.handle,
    handleCallback: routes.handleCallback,
    get admin() {
      if (!projectSecret) throw new TypeError('The admin API needs projectSecret.')
      return createAdminClient({
        baseUrl: internalUrl,
        project: { id: projectId, secret: projectSecret },
        fetch: send as never,
      })
    },
    isCaughtUp: revocation.isCaughtUp,
    ready: revocation.ready,
    close: revocation.close,
    paths,
  }
}
