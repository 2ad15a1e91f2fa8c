// The SDK against the real service: sign-up, sign-in, all that a signed-in user may do, signing out, and what is told.
import t, { type Test } from 'tap'
import {
  type AuthEvent,
  type ClientOptions,
  createClient,
  createProofKey,
  memoryStorage,
} from '../../openapi/client/src/client.ts'
import { startTestApp } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'
import { pixels } from '../support/pictures.ts'
import { challengeOf } from '../support/pkce.ts'
import { record } from '../support/recorder.ts'
import { openJar } from './jar.ts'

const app = await startTestApp(t)
const password = 'a good long password'
let users = 0
const someone = () => `sdk-${++users}@example.com`

/** A client on the test's project, with what it did and what it told. */
function open(t: Test, options: ClientOptions = {}) {
  const recorder = record(t)
  const client = createClient({
    baseUrl: app.url,
    projectId: app.projectId,
    fetch: recorder.fetch,
    ...options,
  })
  t.teardown(() => client.close())
  const events: AuthEvent[] = []
  client.onAuthStateChange((event) => events.push(event))
  return { client, recorder, events }
}

/** What the link of a mail carries, once it is there. */
const tokenOf = (email: string, kind: string): Promise<string> =>
  eventually(`the mail ${kind}`, async () => {
    const mails = await app.mailbox.waitFor(email)
    return mails.find((mail) => mail.kind === kind)?.token ?? ''
  })

t.test('sign up, me, sign out, sign in: by bearer, as the README shows', async (t) => {
  const { client, events } = open(t)
  const email = someone()
  t.equal(await client.getSession(), null)
  const made = await client.signUp({ email, password, display_name: 'Ada' })
  t.match(made, { access_token: /^ey/, user: { email, display_name: 'Ada' } })
  t.equal((await client.me()).user.email, email)
  t.match(await client.getSession(), { user: { email }, token_type: 'Bearer' })
  await client.signOut()
  t.equal(await client.getSession(), null)
  await t.rejects(client.me(), { name: 'AuthenticationError', code: 'unauthenticated', status: 401 })
  await client.signInWithPassword({ email, password })
  t.equal((await client.me()).user.email, email)
  await client.signOutAll()
  t.equal(await client.getSession(), null)
  t.same(events, ['signed_in', 'signed_out', 'signed_in', 'signed_out'])
})

t.test('a sign-up that must be verified first opens no session, and its mail does', async (t) => {
  const { id } = await app.project({ verification: { mode: 'strict' } })
  const { client, events } = open(t, { projectId: id })
  const email = someone()
  const made = await client.signUp({ email, password })
  t.match(made, { verification_required: true, code: 'email_verification_required' })
  t.equal(await client.getSession(), null)
  await t.rejects(client.signInWithPassword({ email, password }), {
    name: 'AuthorizationError',
    code: 'email_verification_required',
  })
  const [mail] = await app.mailbox.waitFor(email)
  await client.confirmVerificationEmail({ email, code: String(mail?.code) })
  t.match(await client.resendVerificationEmail({ email }), { message: /./ })
  await client.signInWithPassword({ email, password })
  t.same(events, ['signed_in'])
})

t.test('a forgotten password is replaced by what the mail carried', async (t) => {
  const { client } = open(t)
  const email = someone()
  await client.signUp({ email, password })
  await client.forgotPassword({ email })
  const token = await tokenOf(email, 'reset_password')
  await client.resetPassword({ token, password: 'another good password' })
  await t.rejects(client.me(), { name: 'AuthenticationError' }, 'every session has ended')
  await client.signInWithPassword({ email, password: 'another good password' })
})

t.test('profile, picture, devices, activity, export, address, password, leaving', async (t) => {
  const { client, events } = open(t)
  const email = someone()
  await client.signUp({ email, password })
  const { user } = await client.updateProfile({ display_name: 'Ada L.', metadata: { plan: 'pro' } })
  t.match(user, { display_name: 'Ada L.', metadata: { plan: 'pro' } })
  const picture = await client.setAvatar(
    new Blob([new Uint8Array(pixels['image/png'])], { type: 'image/png' }),
  )
  t.match(picture.user.avatar_url, /\/avatars\//)
  t.equal(await client.deleteAvatar(), undefined)
  const elsewhere = open(t)
  await elsewhere.client.signInWithPassword({ email, password })
  const { data } = await client.listSessions()
  t.equal(data.length, 2)
  const other = data.find(({ current }) => !current)
  await client.revokeSession(String(other?.id))
  await t.rejects(elsewhere.client.me(), { name: 'AuthenticationError' })
  t.equal((await client.revokeOtherSessions()).revoked, 0)
  t.equal((await client.listActivity({ limit: 2 })).data.length, 2)
  t.equal((await client.exportAccount()).user.email, email)
  await client.changeEmail({ new_email: `new-${email}`, current_password: password })
  const [mail] = await app.mailbox.waitFor(`new-${email}`)
  t.equal((await client.confirmEmailChange({ token: String(mail?.token) })).user.email, `new-${email}`)
  const undo = await tokenOf(email, 'email_changed')
  await client.changePassword({ current_password: password, new_password: 'another good password' })
  t.equal((await client.me()).user.email, `new-${email}`)
  t.match((await client.undoEmailChange({ token: undo })).user.email, email)
  t.same([...new Set(events)], ['signed_in', 'token_refreshed'], 'a new password comes with new tokens')

  const leaving = open(t)
  await leaving.client.signUp({ email: someone(), password })
  await leaving.client.deleteAccount({ current_password: password })
  t.equal(await leaving.client.getSession(), null)
  t.same(leaving.events, ['signed_in', 'signed_out'])
})

t.test('an API key is told once, listed without it, and revoked', async (t) => {
  const { client } = open(t)
  await client.signUp({ email: someone(), password })
  const key = await client.createUserApiKey({ name: 'Build' })
  t.match(key.plain_text_key, /^uak_/)
  const { data } = await client.listUserApiKeys()
  t.match(data, [{ id: key.id, name: 'Build', revoked_at: null }])
  await client.revokeUserApiKey(key.id)
  t.ok((await client.listUserApiKeys()).data[0]?.revoked_at)
  t.same((await client.listIdentities()).data, [])
  await t.rejects(client.signInWithSocial({ provider: 'google', id_token: 'x' }), { name: 'ValidationError' })
  t.equal(
    client.socialLoginUrl('google', { redirect_to: 'https://app.example/done?a=1' }),
    `${app.url}/api/auth/login/social/google?project_id=${app.projectId}&redirect_to=https%3A%2F%2Fapp.example%2Fdone%3Fa%3D1`,
  )
})

t.test('teams: made, joined by invitation, left and removed', async (t) => {
  const [owner, guest] = [open(t).client, open(t).client]
  const ownEmail = someone()
  await owner.signUp({ email: ownEmail, password })
  await owner.confirmVerificationEmail({ token: await tokenOf(ownEmail, 'verify_email') })
  const email = someone()
  const joined = await guest.signUp({ email, password })
  await guest.confirmVerificationEmail({ token: await tokenOf(email, 'verify_email') })
  const team = await owner.createTeam({ name: 'Engines' })
  t.match((await owner.updateTeam(team.id, { name: 'Analytical engines' })).name, 'Analytical')
  await owner.inviteToTeam(team.id, { email, role: 'VIEWER' })
  t.equal((await owner.listTeamInvitations(team.id)).data.length, 1)
  await guest.acceptTeamInvitation({ token: await tokenOf(email, 'team_invitation') })
  t.equal((await guest.getTeam(team.id)).name, 'Analytical engines')
  await owner.updateTeamMember(team.id, joined.user.uuid, { role: 'BUILDER' })
  t.equal((await owner.listTeamMembers(team.id)).data.length, 2)
  t.equal((await guest.listTeams()).data.length, 1)
  await owner.removeTeamMember(team.id, joined.user.uuid)
  await t.rejects(guest.getTeam(team.id), { name: 'NotFoundError' })
  await owner.deleteTeam(team.id)
})

t.test('each refusal has its class, its code and the id of its request', async (t) => {
  const { client } = open(t)
  const email = someone()
  await client.signUp({ email, password })
  const has = async (promise: Promise<unknown>, expected: Record<string, unknown>) => {
    const error = await promise.then(
      () => null,
      (reason) => reason,
    )
    t.match(error, { requestId: /^[\w.:-]{8,}$/, message: /./, ...expected })
    t.ok(error instanceof Error)
  }
  await has(client.signInWithPassword({ email, password: 'wrong' }), {
    name: 'AuthenticationError',
    status: 401,
    code: 'invalid_credentials',
  })
  await has(client.signUp({ email: 'nobody', password: 'short' }), {
    name: 'ValidationError',
    status: 422,
    code: 'validation_failed',
    details: { email: [/./], password: [/./] },
  })
  await has(client.revokeSession('7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d'), {
    name: 'NotFoundError',
    status: 404,
    code: 'not_found',
  })
  const { id } = await app.project({ limits: { credential: { max: 1, window_seconds: 900 } } })
  const limited = open(t, { projectId: id }).client
  await limited.signInWithPassword({ email, password }).catch(() => {})
  await has(limited.signInWithPassword({ email, password }), {
    name: 'RateLimitError',
    status: 429,
    code: 'rate_limited',
    retryAfter: Number,
  })
})

t.test('what a listener does or throws is no business of the call', async (t) => {
  const { client } = open(t)
  const end = client.onAuthStateChange(() => client.me())
  await client.signUp({ email: someone(), password })
  await client.me()
  end()
  let told = 0
  client.onAuthStateChange(() => told++)()
  await client.signOut()
  t.equal(told, 0, 'who has unsubscribed hears nothing')
})

t.test('a session in a storage is there after a restart, and ends for both', async (t) => {
  const tokenStorage = memoryStorage()
  const options = { projectUserAuth: { tokenStorage } }
  const first = open(t, options)
  const email = someone()
  await first.client.signUp({ email, password })
  const second = open(t, options)
  t.equal((await second.client.getSession())?.user.email, email)
  t.equal((await second.client.me()).user.email, email)
  await second.client.signOut()
  t.equal(await open(t, options).client.getSession(), null)
})

t.test('tokens that the application brings are used, and told in full', async (t) => {
  const { client } = open(t)
  const email = someone()
  const made = await client.signUp({ email, password })
  if (!('access_token' in made)) throw new Error('There is no session.')
  const { access_token: accessToken = '', refresh_token: refreshToken = '' } = made
  const brought = open(t, { projectUserAuth: { accessToken, refreshToken } })
  t.equal((await brought.client.getSession())?.user.email, email)
  t.equal(brought.recorder.count('/refresh'), 0, 'nothing is refreshed without need')
  const one = open(t, { projectUserAuth: { refreshToken } })
  t.equal((await one.client.me()).user.email, email, 'a refresh token alone is enough')
  t.equal(one.recorder.count('/refresh'), 1)
})

t.test('cookies that the browser does not keep are told at sign-in, and nobody is signed in', async (t) => {
  const jar = new Map<string, string>()
  const asked: string[] = []
  /** A browser that keeps cookies, or one that drops them. */
  const browser = (keeps: boolean) => async (url: string, init: RequestInit) => {
    asked.push(new URL(url).pathname)
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { ...init, headers: { ...(init.headers as object), cookie } })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (keeps) jar.set(name, value)
    }
    return response
  }
  const auth = { transport: 'cookie', tokenStorage: memoryStorage() } as const
  const dropping = open(t, { fetch: browser(false), projectUserAuth: auth })
  const email = someone()
  await t.rejects(dropping.client.signUp({ email, password }), {
    name: 'SessionNotKeptError',
    code: 'session_not_kept',
  })
  await t.rejects(dropping.client.signInWithPassword({ email, password }), { name: 'SessionNotKeptError' })
  t.same(dropping.events, [], 'nothing is said to have happened')

  asked.length = 0
  const keeping = open(t, {
    fetch: browser(true),
    projectUserAuth: { ...auth, tokenStorage: memoryStorage() },
  })
  await keeping.client.signInWithPassword({ email, password })
  await keeping.client.signOut()
  await keeping.client.signInWithPassword({ email, password })
  t.equal((await keeping.client.me()).user.email, email)
  t.equal(asked.filter((path) => path.endsWith('/me')).length, 2, 'asked once, and once by the application')
})

t.test('with cookies, two changes within one second are two: the other tab hears of each', async (t) => {
  const browser = openJar()
  const options = {
    fetch: browser.send,
    projectUserAuth: { transport: 'cookie', tokenStorage: memoryStorage() },
  } as const
  const [first, second] = [open(t, options), open(t, options)]
  const email = someone()
  await first.client.signUp({ email, password })
  t.equal((await second.client.getSession())?.user.email, email)
  /** Runs `work` again until two sessions end at the same second, which is all that cookies tell of them. */
  async function withinOneSecond(work: () => Promise<string | undefined>): Promise<void> {
    for (let tries = 0; tries < 20; tries++) {
      second.events.length = 0
      await new Promise((resolve) => setTimeout(resolve, 1010 - (Date.now() % 1000)))
      const before = (await first.client.refreshSession())?.expires_at
      if ((await work()) === before) return
    }
    throw new Error('The machine is too slow for two changes within one second.')
  }
  await withinOneSecond(async () => (await first.client.refreshSession())?.expires_at)
  await eventually('both refreshes are heard', async () => second.events.length >= 2)
  t.same(second.events, ['token_refreshed', 'token_refreshed'])

  await withinOneSecond(async () => {
    await first.client.signOut()
    await first.client.signInWithPassword({ email, password })
    return (await first.client.getSession())?.expires_at
  })
  t.equal(
    (await first.client.getSession())?.user.email,
    email,
    'the new session is not taken for the old one',
  )
  await eventually('the other tab is signed in again', async () => second.events.at(-1) === 'signed_in')
  t.equal((await second.client.me()).user.email, email)
})

t.test('a proof key is new each time, and fits the service', async (t) => {
  const [one, other] = [await createProofKey(), await createProofKey()]
  t.match(one.code_verifier, /^[A-Za-z0-9_-]{43}$/)
  t.not(one.code_verifier, other.code_verifier)
  t.equal(one.code_challenge, challengeOf(one.code_verifier))
})

t.test('a changed password and a step-up replace the tokens, and the client goes on', async (t) => {
  const { client, events } = open(t)
  const email = someone()
  await client.signUp({ email, password })
  const before = (await client.getSession())?.access_token
  const next = 'another good password'
  const calls = [client.me(), client.me()]
  const changed = await client.changePassword({ current_password: password, new_password: next })
  t.equal(changed.message, 'Password updated.')
  await Promise.all(calls)
  t.not((await client.getSession())?.access_token, before)
  t.equal((await client.me()).user.email, email)
  await client.stepUp({ method: 'password', password: next })
  t.equal((await client.me()).user.email, email)
  await client.refreshSession()
  t.notOk(events.includes('signed_out'))
  await t.rejects(client.stepUp({ method: 'password', password }), { name: 'ValidationError' })
})

t.test('signOut ends the session, or throws: a 401 of something in between is no sign-out', async (t) => {
  let between = 0
  const { client } = open(t, {
    fetch: (url, init) =>
      between-- > 0
        ? Promise.resolve(
            new Response('<h1>401</h1>', { status: 401, headers: { 'content-type': 'text/html' } }),
          )
        : fetch(url, init),
  })
  const email = someone()
  await client.signUp({ email, password })
  between = 1
  await t.rejects(client.signOut(), { code: 'unexpected_answer' })
  t.equal((await client.me()).user.email, email, 'still signed in')
  const token = (await client.getSession())?.access_token
  await client.signOut()
  t.equal(await client.getSession(), null)
  const headers = { 'project-id': app.projectId, authorization: `Bearer ${token}` }
  t.equal((await app.api('GET', '/me', { headers })).status, 401)
})
