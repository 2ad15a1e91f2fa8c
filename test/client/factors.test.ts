// The SDK and second factors: typed errors, a step-up that happens by itself, and sign-in by mail.
import t from 'tap'
import {
  createClient,
  type SallyportClient,
  SecondFactorRequiredError,
  StepUpRequiredError,
} from '../../openapi/client/src/client.ts'
import { startTestApp } from '../support/app.ts'
import { authenticatorOf, mailOfKind, proveHolder, renewSteps } from '../support/factors.ts'

const policy = {
  verification: { resend_cooldown_seconds: 0 },
  sessions: { notify_new_device: false },
  email_sign_in: 'existing',
}
const app = await startTestApp(t, { policy })
const password = 'a good long password'
let people = 0

type Options = Parameters<typeof createClient>[0]
const newClient = (more: Options = {}): SallyportClient =>
  createClient({ baseUrl: app.url, projectId: app.projectId, ...more })
async function signUp(client: SallyportClient): Promise<string> {
  const email = `sdk-${++people}@example.com`
  await client.signUp({ email, password })
  await proveHolder(app, email)
  return email
}
const age = (email: string) =>
  app.sql`update sessions set auth_time = now() - interval '1 hour'
    where user_id in (select id from users where email = ${email})`
const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error) => error,
  )

t.test('a sign-in that waits for a second factor throws what completes it', async (t) => {
  const client = newClient()
  const email = await signUp(client)
  const { secret } = await client.proposeAuthenticator()
  const { recovery_codes } = await client.confirmAuthenticator({ code: authenticatorOf(secret).code() })
  await renewSteps(app, email)
  const other = newClient()
  const error = await errorOf(other.signInWithPassword({ email, password }))
  if (!(error instanceof SecondFactorRequiredError)) return t.fail(String(error))
  t.same(error.factors, ['totp', 'recovery_code'])
  t.equal(error.status, 403)
  t.equal(await other.getSession(), null)
  const { challenge } = error
  await t.rejects(other.completeSecondFactor({ challenge, method: 'totp', code: '000000' }), {
    code: 'second_factor_invalid',
  })
  await other.completeSecondFactor({ challenge, method: 'recovery_code', code: recovery_codes[0] ?? '' })
  t.equal((await other.getSession())?.user.email, email)
})

t.test('a step-up that is demanded throws its error, or happens by itself and once', async (t) => {
  const plain = newClient()
  const email = await signUp(plain)
  await age(email)
  const error = await errorOf(plain.proposeAuthenticator())
  if (!(error instanceof StepUpRequiredError)) return t.fail(String(error))
  t.same(error.factors, ['password'])

  const asked: StepUpRequiredError[] = []
  let answer: string | null = password
  const client = newClient({
    onStepUpRequired: async (error) => {
      asked.push(error)
      return answer === null ? null : { method: 'password', password: answer }
    },
  })
  await client.signInWithPassword({ email, password })
  await age(email)
  t.ok((await client.proposeAuthenticator()).secret, 'the method was repeated')
  t.equal(asked.length, 1)
  await age(email)
  answer = 'a wrong long password'
  await t.rejects(client.proposeAuthenticator(), { code: 'validation_failed' })
  answer = null
  await t.rejects(client.proposeAuthenticator(), { code: 'step_up_required' })
  t.equal(asked.length, 3)
  t.ok(await client.me(), 'the session stays')
})

t.test('what was asked for one account is not done to another that signed in meanwhile', async (t) => {
  const [first, second] = [await signUp(newClient()), await signUp(newClient())]
  const client = newClient({
    onStepUpRequired: async () => {
      await client.signInWithPassword({ email: second, password })
      return { method: 'password', password }
    },
  })
  await client.signInWithPassword({ email: first, password })
  await age(first)
  await t.rejects(client.proposeAuthenticator(), { code: 'step_up_required' })
  t.same(
    await app.sql`select 1 from totp_factors join users on users.id = user_id where email = ${second}`,
    [],
  )
})

t.test('sign-in by mail: the flow is kept, the code typed', async (t) => {
  const email = await signUp(newClient())
  const client = newClient()
  const { flow } = await client.requestSignInEmail({ email })
  const { code } = await mailOfKind(app, email, 'sign_in_code')
  await client.confirmSignInEmail({ flow, code: code ?? '' })
  t.equal((await client.me()).user.email, email)
})
