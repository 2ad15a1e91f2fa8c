// The routes of an application below its base path: forms of the sign-in page, the callback of a provider, sign-out, refresh.
import {
  ApiError,
  createProofKey,
  type SallyportClient,
  type Session as SdkSession,
  SecondFactorRequiredError,
  type VerificationRequired,
} from '@sallyport/client'
import { SallyportError } from './errors.js'
import { unavailable } from './refresher.js'
import { refuseCrossSite, safeReturnTo } from './requests.js'
import type { Resumed, Sallyport } from './sallyport.js'
import type { IssuedSession, SessionCookies } from './session-cookies.js'

/** Seconds for which a sign-in by redirect, and one that waits for a second factor, may be completed. */
const [flowSeconds, challengeSeconds] = [600, 300]

/** Characters of a body; forms of sign-in are shorter. */
const maxBody = 65_536

export interface RoutesOptions
  extends Pick<Sallyport, 'paths' | 'clientFor' | 'begin' | 'signOut' | 'resume'> {
  readonly appUrl: string | null
  readonly cookies: SessionCookies
  readonly refresh: (token: string) => Promise<IssuedSession | null>
  readonly providerUrl: SallyportClient['socialLoginUrl']
  /** The address of a page of the service, `sign-in` or `sign-up`. */
  readonly pageUrl: (page: string, query: Record<string, string>) => string
}

type Fields = Record<string, unknown>

/** What a form or a script has sent. */
interface Sent {
  readonly fields: Fields
  /** True for JSON, which is answered with JSON; a form is answered with a redirect. */
  readonly isScript: boolean
  readonly returnTo: string
}

function answer(
  status: number,
  setCookies: readonly string[],
  body: { json?: unknown; html?: string; location?: string },
): Response {
  const headers = new Headers({ 'cache-control': 'no-store' })
  for (const line of setCookies) headers.append('set-cookie', line)
  if (body.location !== undefined) headers.set('location', body.location)
  if (body.html !== undefined) headers.set('content-type', 'text/html; charset=utf-8')
  if (body.json === undefined) return new Response(body.html ?? null, { status, headers })
  headers.set('content-type', status >= 400 ? 'application/problem+json' : 'application/json')
  return new Response(JSON.stringify(body.json), { status, headers })
}

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

/** A text without its percent-encoding; null where that is broken. */
function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

const wrongBody = (words: string) => new SallyportError(400, 'not_allowed', words)

const isJson = (request: Request) => /json/i.test(request.headers.get('content-type') ?? '')

async function fieldsOf(request: Request): Promise<Fields> {
  const text = await request.text()
  if (text.length > maxBody) throw new SallyportError(413, 'not_allowed', 'The body is too long.')
  if (!isJson(request)) return Object.fromEntries(new URLSearchParams(text))
  try {
    const parsed: unknown = JSON.parse(text || '{}')
    if (typeof parsed === 'object' && parsed !== null) return parsed as Fields
  } catch {}
  throw wrongBody('The body is not a JSON object.')
}

/** A path with more members in its query. */
function withQuery(path: string, more: Record<string, string>): string {
  const [before = '', query = ''] = path.split('?')
  return `${before}?${new URLSearchParams([...new URLSearchParams(query), ...Object.entries(more)])}`
}

/** Creates the routes. Every error is an answer. */
export function createRoutes(options: RoutesOptions): Pick<Sallyport, 'handle' | 'handleCallback'> {
  const { paths, cookies, clientFor, begin } = options

  function here(): string {
    if (options.appUrl === null) throw new TypeError('Sessions by cookie need the option appUrl.')
    return options.appUrl
  }

  const ownPage = paths.signIn !== `${paths.base}/sign-in`

  /** Shows why a sign-in failed: on the sign-in page of the application, else on a page that leads to the service's. */
  function failed(returnTo: string, error: string, lines: readonly string[]): Response {
    const to = withQuery(paths.signIn, ownPage ? { error, returnTo } : { returnTo })
    if (ownPage) return answer(303, lines, { location: to })
    // Not at once: the service's page may sign in without a question, and fail again.
    const words = `<p>The sign-in did not succeed: <code>${escaped(error)}</code>.</p><p><a href="${escaped(to)}">Try again</a></p>`
    const html = `<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sign in</title>${words}`
    return answer(400, lines, { html })
  }

  /** The answer to a sign-in that was refused: to a form the sign-in page with `error`, to a script the problem. */
  function refused(error: unknown, { isScript, returnTo }: Omit<Sent, 'fields'>): Response {
    const cause = unavailable(error)
    if (!(cause instanceof ApiError || cause instanceof SallyportError)) throw error
    const waits = cause instanceof SecondFactorRequiredError
    const lines = waits ? [cookies.write('challenge', cause.challenge, challengeSeconds)] : []
    if (!isScript) return failed(returnTo, cause.code, lines)
    return answer(cause.status, lines, {
      json: { ...cause.problem, code: cause.code, message: cause.message },
    })
  }

  function signedIn(
    issued: SdkSession | VerificationRequired,
    { isScript, returnTo }: Omit<Sent, 'fields'>,
  ): Response {
    if (!('expires_at' in issued)) {
      const waiting = { verification_required: true, message: (issued as VerificationRequired).message }
      if (isScript) return answer(202, [], { json: waiting })
      return failed(returnTo, 'email_verification_required', [])
    }
    const lines = begin(issued)
    return isScript
      ? answer(200, lines, { json: { user: issued.user } })
      : answer(303, lines, { location: returnTo })
  }

  /** Answers a form or script that opens a session. */
  async function open(
    request: Request,
    way: (client: SallyportClient, fields: Fields) => Promise<unknown>,
  ): Promise<Response> {
    const { returnTo: wanted, ...body } = await fieldsOf(request)
    const sent = { isScript: isJson(request), returnTo: safeReturnTo(wanted, here()) }
    try {
      return signedIn((await way(clientFor(request), body)) as SdkSession, sent)
    } catch (error) {
      return refused(error, sent)
    }
  }

  /** Takes over the session of a script that has signed in by bearer, such as the components of @sallyport/react. */
  async function adopt(request: Request): Promise<Response> {
    const { refresh_token: token } = await fieldsOf(request)
    if (typeof token !== 'string') throw wrongBody('The body needs the refresh_token of a session.')
    const issued = await options.refresh(token)
    if (!issued)
      return answer(401, [], {
        json: { status: 401, code: 'unauthenticated', message: 'The session has ended.' },
      })
    return signedIn(issued as SdkSession, { isScript: true, returnTo: '/' })
  }

  /** Sends the browser to a page of the service or to a provider, from where it comes back with a code. */
  async function beginRedirect(
    request: Request,
    addressOf: (query: { redirect_to: string; code_challenge: string }) => string,
  ): Promise<Response> {
    const returnTo = safeReturnTo(new URL(request.url).searchParams.get('returnTo'), here())
    const { code_verifier, code_challenge } = await createProofKey()
    const location = addressOf({ redirect_to: `${here()}${paths.base}/callback`, code_challenge })
    // The verifier binds the code to this browser: the code of another one cannot be exchanged here (RFC 7636).
    const flow = `${code_verifier}.${encodeURIComponent(returnTo)}`
    return answer(303, [cookies.write('flow', flow, flowSeconds)], { location })
  }

  const exchanges = new Map<string, Promise<SdkSession>>()

  async function handleCallback(request: Request): Promise<Response> {
    const query = new URL(request.url).searchParams
    const flow = cookies.read(request, 'flow')
    // The verifier has no dot; the path may have some.
    const [code_verifier = '', ...wanted] = flow?.split('.') ?? []
    const sent = { isScript: false, returnTo: safeReturnTo(decoded(wanted.join('.')), here()) }
    const done = (response: Response) => {
      response.headers.append('set-cookie', cookies.clear('flow'))
      return response
    }
    const code = query.get('code')
    if (query.has('error') || code === null || flow === null) {
      // A page that is loaded again: its code was exchanged by the first request.
      if (flow === null && (await options.resume(request)).session) return answer(303, [], { location: '/' })
      return done(failed(sent.returnTo, query.get('error') ?? 'invalid_social_login', []))
    }
    try {
      // A code that is exchanged twice ends its session, so that requests of one browser at once share the exchange.
      const key = `${code} ${code_verifier}`
      let exchange = exchanges.get(key)
      if (!exchange) {
        exchange = clientFor(request).exchangeSocialLogin({ code, code_verifier }) as Promise<SdkSession>
        exchanges.set(key, exchange)
        void exchange.catch(() => {}).finally(() => exchanges.delete(key))
      }
      return done(signedIn(await exchange, sent))
    } catch (error) {
      return done(refused(error, sent))
    }
  }

  async function showSession({ session, setCookies }: Resumed): Promise<Response> {
    const { userId, sessionId, role, acr, amr, authTime, expiresAt } = session ?? {}
    const json = session ? { userId, sessionId, role, acr, amr, authTime, expiresAt } : null
    return answer(200, setCookies, { json: { session: json } })
  }

  async function route(request: Request, name: string): Promise<Response | null> {
    const [, provider] = /^sign-in\/([\w.-]+)$/.exec(name) ?? []
    const returnTo = () => safeReturnTo(new URL(request.url).searchParams.get('returnTo'), here())
    switch (`${request.method} ${provider === undefined ? name : 'sign-in/'}`) {
      case 'POST sign-in':
        return open(request, (client, body) => client.signInWithPassword(body as never))
      case 'POST sign-up':
        return open(request, (client, body) => client.signUp(body as never))
      case 'POST second-factor': {
        const challenge = cookies.read(request, 'challenge') ?? ''
        return open(request, (client, body) => client.completeSecondFactor({ challenge, ...body } as never))
      }
      case 'POST session':
        return adopt(request)
      case 'POST sign-out': {
        const lines = await options.signOut(request)
        return isJson(request) ? answer(204, lines, {}) : answer(303, lines, { location: returnTo() })
      }
      case 'GET sign-in/':
        return beginRedirect(request, (query) => options.providerUrl(provider ?? '', query))
      case 'GET sign-in':
      case 'GET sign-up':
        return beginRedirect(request, (query) => options.pageUrl(name, query))
      case 'GET callback':
        return handleCallback(request)
      case 'GET session':
        return showSession(await options.resume(request))
      case 'GET refresh':
        return answer(303, (await options.resume(request)).setCookies, { location: returnTo() })
      default:
        return null
    }
  }

  return {
    handleCallback,
    async handle(request) {
      const { pathname } = new URL(request.url)
      if (!pathname.startsWith(`${paths.base}/`)) return null
      try {
        // Also without a cookie: a foreign page must not sign a visitor in to another account.
        refuseCrossSite(request, here())
        return await route(request, pathname.slice(paths.base.length + 1))
      } catch (error) {
        const cause = unavailable(error)
        if (cause instanceof SallyportError) return cause.toResponse()
        throw error
      }
    },
  }
}
