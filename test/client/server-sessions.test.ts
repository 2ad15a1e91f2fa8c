// @sallyport/server keeps the session of a visitor in cookies of the application: begun, refreshed, handed on, and ended.
import t from 'tap'
import { createNext } from '../../openapi/server/src/next.ts'
import {
  authRoutes,
  loadSession,
  sallyport as routerMiddleware,
} from '../../openapi/server/src/react-router.ts'
import { safeReturnTo } from '../../openapi/server/src/requests.ts'
import {
  cookiesAfter,
  createSallyport,
  optionsFrom,
  type SallyportOptions,
  UnauthenticatedError,
} from '../../openapi/server/src/sallyport.ts'
import { sallyport as kitHandle } from '../../openapi/server/src/sveltekit.ts'
import { startTestApp } from '../support/app.ts'
import { enrolTotp, proveHolder, renewSteps } from '../support/factors.ts'
import { startProxy } from '../support/proxy.ts'
import { openJar } from './jar.ts'

const app = await startTestApp(t)
const proxy = await startProxy(app.url)
t.teardown(() => proxy.close())
const home = 'https://app.example.com'
const password = 'a good long password'

function open(options: Partial<SallyportOptions> = {}) {
  const asked: string[] = []
  const auth = createSallyport({
    url: app.url,
    internalUrl: `http://127.0.0.1:${proxy.port}`,
    projectId: app.projectId,
    appUrl: home,
    signInPage: '/login',
    fetch: (input, init) => {
      asked.push(new URL(String(input)).pathname)
      return fetch(input, init)
    },
    ...options,
  })
  const jar = openJar()
  const request = (path: string, init: RequestInit = {}) =>
    new Request(home + path, { ...init, headers: { ...(init.headers as object), cookie: jar.cookie } })
  const form = async (path: string, fields: Record<string, string>) => {
    const sent = request(path, {
      method: 'POST',
      headers: { origin: home },
      body: new URLSearchParams(fields),
    })
    const answer = await auth.handle(sent)
    if (!answer) throw new Error(`${path} is no route.`)
    jar.keep(answer)
    return answer
  }
  const keep = (setCookies: readonly string[]) =>
    jar.keep(
      new Response(null, { headers: setCookies.map((line): [string, string] => ['set-cookie', line]) }),
    )
  const refreshes = () => asked.filter((path) => path.endsWith('/refresh')).length
  return { auth, jar, request, form, keep, refreshes }
}

let people = 0
async function signedUp(options: Partial<SallyportOptions> = {}) {
  const opened = open(options)
  const email = `visitor-${++people}@example.com`
  await opened.form('/auth/sign-up', { email, password })
  return { ...opened, email }
}

const access = '__Host-sallyport_app_access'

t.test('cookies are bound to the host over https, and hold what a script cannot read', async (t) => {
  const { auth, request } = await signedUp()
  const body = new URLSearchParams({ email: 'cookies@example.com', password })
  const answer = await auth.handle(
    request('/auth/sign-up', { method: 'POST', headers: { origin: home }, body }),
  )
  const lines = answer?.headers.getSetCookie() ?? []
  t.match(
    lines[0],
    /^__Host-sallyport_app_access=[^;]+; Max-Age=900; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
  )
  t.match(
    lines[1],
    /^__Host-sallyport_app_refresh=[^;]+; Max-Age=25920\d\d; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
  )
  t.ok(lines.every((line) => line.length < 4096))
  t.equal(answer?.headers.get('cache-control'), 'no-store')
})

t.test('over https a cookie that another host of the domain may have set signs nobody in', async (t) => {
  const { body } = await app.signUp()
  const planted = { headers: { cookie: `sallyport_access_${app.projectId}=${body.access_token}` } }
  const bound = { headers: { cookie: `__Host-sallyport_access_${app.projectId}=${body.access_token}` } }
  const { auth } = open()
  t.equal(await auth.authenticate(planted), null)
  t.match(await auth.authenticate(bound), { userId: body.user.uuid })
  const plain = open({ appUrl: 'http://localhost:3001' }).auth
  t.match(await plain.authenticate(planted), { userId: body.user.uuid }, 'plain http has no bound cookies')
})

t.test(
  'five requests at once make one refresh, and later ones of the same moment get its result',
  async (t) => {
    const { auth, jar, request, keep, refreshes } = await signedUp()
    jar.delete(access)
    const stale = request('/')
    const five = await Promise.all([1, 2, 3, 4, 5].map(() => auth.resume(stale)))
    t.equal(refreshes(), 1)
    t.equal(new Set(five.map(({ session }) => session?.accessToken)).size, 1)
    t.ok(five.every(({ setCookies }) => setCookies.length === 2))
    t.ok((await auth.resume(stale)).session, 'a request that was under way')
    t.equal(refreshes(), 1)
    keep(five[0]?.setCookies ?? [])
    t.same((await auth.resume(request('/'))).setCookies, [])
  },
)

t.test(
  'a token that ends soon is refreshed before; where the service is down the present one is used',
  async (t) => {
    const { auth, keep, request, refreshes } = await signedUp()
    await app.setPolicy({ tokens: { access_seconds: 20 } })
    t.teardown(() => app.setPolicy({}))
    const { setCookies } = await auth.resume(
      new Request(home, {
        headers: {
          cookie:
            request('/')
              .headers.get('cookie')
              ?.replace(/[^ ]*access=[^;]*;?/, '') ?? '',
        },
      }),
    )
    keep(setCookies)
    const clock = performance.now
    t.teardown(() => {
      performance.now = clock
    })
    performance.now = () => clock.call(performance) + 19_000
    await proxy.refuse()
    const kept = await auth.resume(request('/'))
    t.ok(kept.session)
    t.same(kept.setCookies, [])
    await proxy.restore()
    const before = refreshes()
    t.equal((await auth.resume(request('/'))).setCookies.length, 2)
    t.equal(refreshes(), before + 1)
  },
)

t.test('a session that has ended clears the cookies; one that cannot be asked about does not', async (t) => {
  const { auth, jar, request, keep } = await signedUp()
  jar.delete(access)
  await proxy.refuse()
  await t.rejects(auth.resume(request('/')), { name: 'ServiceUnavailableError', status: 503 })
  await proxy.restore()
  await app.sql`update sessions set revoked_at = now(), revoked_reason = 'owner'`
  const { session, setCookies } = await auth.resume(request('/'))
  t.equal(session, null)
  t.equal(keep(setCookies).cookie, '')
})

t.test('a second factor is asked for, and its session is strong', async (t) => {
  const { email, password: typed, ...who } = await app.signUp()
  await proveHolder(app, email)
  const { code } = await enrolTotp(app, who, email)
  await renewSteps(app, email)
  const { auth, form, request, jar } = open()
  const asked = await form('/auth/sign-in', { email, password: typed, returnTo: '/vault?door=1' })
  t.equal(asked.headers.get('location'), '/login?error=second_factor_required&returnTo=%2Fvault%3Fdoor%3D1')
  const wrong = await form('/auth/second-factor', { method: 'totp', code: '000000' })
  t.match(wrong.headers.get('location'), 'error=second_factor_invalid')
  const done = await form('/auth/second-factor', { method: 'totp', code: code(), returnTo: '/vault?door=1' })
  t.equal(done.headers.get('location'), '/vault?door=1')
  t.match((await auth.resume(request('/'), { requireAcr: '2', maxAgeSeconds: 60 })).session, { acr: '2' })
  t.notMatch(jar.cookie, 'challenge')
})

t.test('a script is answered with JSON, and may hand over the session that it has opened', async (t) => {
  const { auth, jar, request } = await signedUp()
  const json = { 'content-type': 'application/json', origin: home }
  const post = (path: string, body: object, headers: Record<string, string> = json) =>
    auth.handle(new Request(home + path, { method: 'POST', headers, body: JSON.stringify(body) }))
  const refused = await post('/auth/sign-in', { email: 'nobody@example.com', password })
  t.equal(refused?.status, 401)
  t.match(await refused?.json(), { code: 'invalid_credentials' })
  t.equal((await post('/auth/sign-in', []))?.status, 422)
  const opened = await app.signUp()
  const given = { refresh_token: opened.body.refresh_token }
  t.equal((await post('/auth/session', given, { ...json, origin: 'https://evil.example' }))?.status, 403)
  const adopted = await post('/auth/session', given)
  t.match(await adopted?.json(), { user: { email: opened.email } })
  jar.keep(adopted as Response)
  const shown = await auth.handle(request('/auth/session'))
  t.match(await shown?.json(), { session: { userId: opened.body.user.uuid, acr: '1' } })
  t.equal((await post('/auth/session', { refresh_token: 'x'.repeat(50) }))?.status, 401)
  t.equal((await post('/auth/session', {}))?.status, 400)
  t.equal(await auth.handle(request('/auth/unknown')), null)
  t.equal(await auth.handle(request('/authority')), null)
})

t.test('without a page of its own the application sends people to the pages of the service', async (t) => {
  const auth = createSallyport({ url: app.url, projectId: app.projectId, appUrl: home })
  const asked = await auth.handle(new Request(`${home}/auth/sign-in?returnTo=/orders`))
  const location = new URL(asked?.headers.get('location') ?? '')
  t.equal(location.origin + location.pathname, `${app.url}/sign-in`)
  t.equal(location.searchParams.get('project'), app.projectId)
  t.equal(location.searchParams.get('redirect_to'), `${home}/auth/callback`)
  t.match(location.searchParams.get('code_challenge'), /^[\w-]{43}$/)
  t.match(
    asked?.headers.getSetCookie()[0],
    /^__Host-sallyport_app_flow=[\w-]{43}\.%2Forders; Max-Age=600; .*HttpOnly/,
  )
  const failed = await auth.handle(new Request(`${home}/auth/callback?error=%3Cscript%3E`))
  t.equal(failed?.status, 400, 'a failure is shown, and is no circle of redirects')
  t.match(await failed?.text(), '&#60;script&#62;')
  const page = { method: 'GET', url: '/orders', headers: { accept: 'text/html' } }
  t.equal(
    auth.refusal(page, new UnauthenticatedError(false)).headers.get('location'),
    '/auth/sign-in?returnTo=%2Forders',
  )
})

t.test(
  'a path with dots survives a sign-in by redirect, and broken input is no failure of ours',
  async (t) => {
    const { auth } = open()
    const begun = await auth.handle(
      new Request(`${home}/auth/sign-in/acme?returnTo=/files/report.v2.pdf?v=1.2`),
    )
    const back = (flow: string) =>
      auth.handleCallback(
        new Request(`${home}/auth/callback?error=access_denied`, {
          headers: { cookie: `__Host-sallyport_app_flow=${flow}` },
        }),
      )
    const flow = /_flow=([^;]+)/.exec(begun?.headers.getSetCookie()[0] ?? '')?.[1] ?? ''
    t.equal(
      (await back(flow)).headers.get('location'),
      '/login?error=access_denied&returnTo=%2Ffiles%2Freport.v2.pdf%3Fv%3D1.2',
    )
    t.equal(
      (await back('verifier.%E0%A4%A')).headers.get('location'),
      '/login?error=access_denied&returnTo=%2F',
    )
    for (const url of ['//', 'http://', '//evil.example/x', '/.//evil.example']) {
      const page = { method: 'GET', url, headers: { accept: 'text/html' } }
      const location = auth.refusal(page, new UnauthenticatedError(false)).headers.get('location') ?? ''
      t.match(location, /^\/login\?returnTo=%2Fx?$/, url)
    }
  },
)

t.test('nobody is sent to another site', async (t) => {
  const paths: Record<string, string> = {
    '/orders?page=2#end': '/orders?page=2#end',
    '//evil.example': '/',
    '/\\evil.example': '/',
    '/.//evil.example': '/',
    '/orders/..//evil.example': '/',
    '/%2e//evil.example?a#b': '/',
    '/./orders': '/orders',
    '/\t/evil.example': '/',
    'https://evil.example/': '/',
    'javascript:alert(1)': '/',
    orders: '/',
    '/a\r\nset-cookie: x=y': '/',
    '': '/',
  }
  for (const [wanted, path] of Object.entries(paths))
    t.equal(safeReturnTo(wanted, home), path, JSON.stringify(wanted))
  t.equal(safeReturnTo(['/a'], home), '/')
  const { auth, request } = await signedUp()
  const answer = await auth.handle(request('/auth/refresh?returnTo=//evil.example'))
  t.equal(answer?.headers.get('location'), '/')
})

t.test(
  'hooks of SvelteKit and React Router hand on the session, and set the cookies of a refresh',
  async (t) => {
    const { auth, jar, request } = await signedUp()
    jar.delete(access)
    const event = { request: request('/'), locals: {} as { session?: { userId: string } | null } }
    const shown = await kitHandle(auth)({ event, resolve: async () => Response.json({ at: 1 }) })
    t.ok(event.locals.session?.userId)
    t.equal(shown.headers.getSetCookie().length, 2)
    t.same(await shown.json(), { at: 1 })
    const route = {
      event: { request: request('/auth/session'), locals: {} },
      resolve: () => new Response('page'),
    }
    t.match(await (await kitHandle(auth)(route)).json(), { session: { acr: '1' } })

    const context = new Map<string, unknown>()
    const run = routerMiddleware(auth, 'session')
    const answer = await run(
      { request: request('/'), context: { set: (key, value) => context.set(key, value) } },
      async () => Response.json({}),
    )
    t.match(context.get('session'), { acr: '1' })
    t.equal(answer.headers.getSetCookie().length, 2)
    const { session, headers } = await loadSession(auth, request('/'))
    t.ok(session)
    t.equal(headers.getSetCookie().length, 2)
    t.equal(headers.get('cache-control'), 'no-store')
    const { loader } = authRoutes(auth)
    t.equal((await loader({ request: request('/auth/none') })).status, 404)
    const foreign = request('/', { method: 'POST', headers: { origin: 'https://evil.example' } })
    t.equal(((await loadSession(auth, foreign).catch((each: Response) => each)) as Response).status, 403)
  },
)

t.test('a page that can set no cookie is told when only a refresh would do', async (t) => {
  const { auth, jar, request, keep } = await signedUp()
  t.match(await auth.peek(request('/')), { session: { acr: '1' }, mustRefresh: false })
  jar.delete(access)
  t.match(await auth.peek(request('/')), { session: null, mustRefresh: true })
  const { setCookies } = await auth.resume(request('/'))
  t.equal(
    cookiesAfter(request('/'), setCookies),
    keep(setCookies).cookie,
    'what a page after the middleware sees',
  )
  t.match(await auth.peek({ headers: {} }), { session: null, mustRefresh: false })
  t.equal((await createNext(auth).handlers.GET(request('/auth/none'))).status, 404)
})

t.test('options are read from the environment, and a missing one is named', async (t) => {
  const env = { SALLYPORT_URL: app.url, SALLYPORT_PROJECT_ID: app.projectId, APP_URL: home }
  t.same(optionsFrom(env), { url: app.url, projectId: app.projectId, appUrl: home })
  t.match(optionsFrom({ ...env, SALLYPORT_PROJECT_SECRET: 's' }), { projectSecret: 's' })
  t.throws(() => optionsFrom({ APP_URL: home }), { message: /^Set SALLYPORT_URL, SALLYPORT_PROJECT_ID, in/ })
})
