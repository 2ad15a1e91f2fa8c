// GitHub by its own API, as far as it can be had here: a server that answers as GitHub's documentation says. Whose
// token it is decides, and for whom it was issued decides first.
import { createServer } from 'node:http'
import t from 'tap'
import { bearer, freePort, startTestApp } from '../support/app.ts'
import { newProofKey } from '../support/pkce.ts'
import { isProblem } from '../support/problems.ts'
import { newWanderer } from '../support/wanderer.ts'

interface Person {
  readonly id: number
  readonly login: string
  readonly name?: string | null
  readonly emails?: readonly { email: string; primary: boolean; verified: boolean }[]
}

const clientId = 'Iv1.test'
const clientSecret = 'the secret of the client at GitHub'
const people = new Map<string, Person>()
const issued = new Set<string>()
const [port, hubPort] = [await freePort(), await freePort()]
const origin = `http://127.0.0.1:${port}`
const issuer = `http://127.0.0.1:${hubPort}`
let broken = false

const server = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  const url = new URL(request.url ?? '/', issuer)
  const answer = (status: number, value: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(value))
  }
  if (broken) return answer(502, {})
  if (url.pathname === '/login/oauth/authorize') {
    const back = new URL(url.searchParams.get('redirect_uri') ?? '')
    back.search = new URLSearchParams({
      code: 'gho_token',
      state: url.searchParams.get('state') ?? '',
    }).toString()
    response.writeHead(302, { location: back.href })
    return response.end()
  }
  if (url.pathname === '/login/oauth/access_token') {
    const form = new URLSearchParams(body)
    const right = form.get('client_secret') === clientSecret && form.get('code_verifier')
    return right
      ? answer(200, { access_token: form.get('code'), token_type: 'bearer', scope: 'read:user,user:email' })
      : answer(200, { error: 'bad_verification_code' })
  }
  if (url.pathname === `/api/v3/applications/${clientId}/token`) {
    const basic = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
    if (request.headers.authorization !== basic) return answer(401, {})
    const token = JSON.parse(body).access_token
    return issued.has(token) ? answer(200, { token, app: { client_id: clientId } }) : answer(404, {})
  }
  const person = people.get(request.headers.authorization?.replace('Bearer ', '') ?? '')
  if (!person) return answer(401, {})
  if (url.pathname === '/api/v3/user')
    return answer(200, { id: person.id, login: person.login, name: person.name })
  return person.emails ? answer(200, person.emails) : answer(404, {})
})
await new Promise<void>((done) => server.listen(hubPort, '127.0.0.1', done))
t.teardown(() => server.close())
t.teardown(() => server.closeAllConnections())

const home = 'https://app.example.com'
const { verifier, challenge } = newProofKey()
const app = await startTestApp(t, {
  policy: {
    providers: {
      github: {
        client_ids: [clientId],
        client_secret_env: 'SOCIAL_SECRET_GITHUB',
        issuer,
        allow_private_network: true,
      },
    },
    redirect_urls: [home],
  },
  env: { PORT: String(port), SOCIAL_SECRET_GITHUB: clientSecret },
})
let ids = 100
function newPerson(
  over: Partial<Person> = {},
  ours = true,
): { token: string; email: string; person: Person } {
  const id = ++ids
  const token = `gho_${id}`
  const email = `github-${id}@example.com`
  const emails = [
    { email: `old-${email}`, primary: false, verified: true },
    { email, primary: true, verified: true },
  ]
  const person = { id, login: `login-${id}`, name: 'Ada', emails, ...over }
  people.set(token, person)
  if (ours) issued.add(token)
  return { token, email, person }
}
const signIn = (access_token: string) =>
  app.api('POST', '/login/social', { body: { provider: 'github', access_token } })

t.test('a token of our application opens the account of its person, by the primary address', async (t) => {
  const { token, email, person } = newPerson()
  const answer = await signIn(token)
  t.equal(answer.status, 200)
  t.match(answer.body.user, { email, display_name: 'Ada', provider: 'github' })
  t.ok(answer.body.user.email_verified_at)
  t.equal((await signIn(token)).body.user.uuid, answer.body.user.uuid, 'an access token may be shown again')
  const [row] = await app.sql`select issuer, subject from identities where email = ${email}`
  t.same({ ...row }, { issuer, subject: String(person.id) }, 'by the id, for a login can change hands')
  t.equal((await app.api('GET', '/identities', { headers: bearer(answer) })).body.data.length, 1)
})

t.test('a token of another application proves nothing here', async (t) => {
  isProblem(t, await signIn(newPerson({}, false).token), 'invalid_social_login')
  for (const junk of ['junk', 'with space', 'line\nbreak', 'ünïcode'])
    isProblem(t, await signIn(junk), 'invalid_social_login')
  const body = { provider: 'github', id_token: 'a.b.c' }
  isProblem(t, await app.api('POST', '/login/social', { body }), 'invalid_social_login')
})

t.test(
  'an unverified primary address links to nothing; a token that shows none opens no account',
  async (t) => {
    const user = await app.signUp()
    const squatter = newPerson({ emails: [{ email: user.email, primary: true, verified: false }] })
    isProblem(t, await signIn(squatter.token), 'email_verification_required')
    const { token, person } = newPerson()
    people.set(token, { id: person.id, login: person.login })
    isProblem(t, await signIn(token), 'validation_failed', ['id_token'])
  },
)

t.test('GitHub that is down is a 503', async (t) => {
  const { token } = newPerson()
  broken = true
  isProblem(t, await signIn(token), 'provider_unavailable')
  broken = false
  t.equal((await signIn(token)).status, 200)
})

t.test('a browser goes there and comes back', async (t) => {
  const { email, person } = newPerson()
  people.set('gho_token', person)
  issued.add('gho_token')
  const browser = newWanderer()
  const query = new URLSearchParams({
    redirect_to: home,
    project_id: app.projectId,
    code_challenge: challenge,
  })
  const callback = `${origin}/api/auth/login/social/github/callback`
  const back = await browser.follow(`${origin}/api/auth/login/social/github?${query}`, callback)
  const stop = await browser.visit(back)
  const code = new URL(stop.location ?? '').searchParams.get('code')
  const answer = await app.api('POST', '/login/social/exchange', { body: { code, code_verifier: verifier } })
  t.equal(answer.body.user?.email, email)
  t.notMatch(JSON.stringify(app.logs), /gho_|the secret of the client/)
})
