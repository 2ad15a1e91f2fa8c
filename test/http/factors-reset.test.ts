// A lost second factor: an operator's reset waits, and the owner of the factor can cancel it.
import t from 'tap'
import { removeDueFactors } from '../../src/domain/accounts/factors-reset.ts'
import { operatorContext } from '../../src/domain/context.ts'
import { cancelFactorsReset, resetFactors, showFactors } from '../../src/domain/operators/factors.ts'
import { bearer, startTestApp } from '../support/app.ts'
import { servicesOn } from '../support/domain.ts'
import { mailOfKind, newPerson, renewSteps } from '../support/factors.ts'
import { isProblem } from '../support/problems.ts'

const policy = { verification: { resend_cooldown_seconds: 0 }, sessions: { notify_new_device: false } }
const app = await startTestApp(t, { policy })
const services = servicesOn(app.sql)
const operator = async () => operatorContext(services, await services.projects.get(app.projectId))
type Person = Awaited<ReturnType<typeof newPerson>>
const login = ({ email, password }: Person) => app.api('POST', '/login', { body: { email, password } })
const due = (who: Person) =>
  app.sql`update users set factors_reset_due_at = now() - interval '1 second' where email = ${who.email}`

/** For a job that must not fail. */
function unexpected(error: unknown): never {
  throw error
}

t.test(
  'an operator’s reset waits, is announced by mail, and is cancelled by a sign-in with the factor',
  async (t) => {
    const who = await newPerson(app)
    const at = await resetFactors(await operator(), who.email)
    t.ok(Math.abs(at.getTime() - Date.now() - 86_400_000) < 60_000, 'a day from now')
    t.same(await resetFactors(await operator(), who.email), at, 'asked again, it is no later')
    t.ok(await mailOfKind(app, who.email, 'factors_reset_requested'))
    t.equal(await removeDueFactors(services, unexpected), 0)
    const { body } = await login(who)
    t.match(
      (await showFactors(await operator(), who.email)).resetDueAt,
      at,
      'the password alone cancels nothing',
    )
    await renewSteps(app, who.email)
    const sent = { challenge: body.challenge, method: 'totp', code: who.authenticator.code() }
    t.equal((await app.api('POST', '/login/second-factor', { body: sent })).status, 200)
    t.equal((await showFactors(await operator(), who.email)).resetDueAt, null)
    isProblem(t, await login(who), 'second_factor_required')
  },
)

t.test('after the wait the factors are removed, and the password alone signs in', async (t) => {
  const who = await newPerson(app)
  await resetFactors(await operator(), who.email)
  isProblem(t, await login(who), 'second_factor_required')
  await due(who)
  const removed = await Promise.all([1, 2, 3].map(() => removeDueFactors(services, unexpected)))
  t.equal(
    removed.reduce((sum, count) => sum + count),
    1,
  )
  const signedIn = await login(who)
  t.equal(signedIn.status, 200)
  t.same((await app.api('GET', '/factors', { headers: bearer(signedIn) })).body, {
    totp: false,
    passkeys: [],
    recovery_codes_left: 0,
    trusted_devices: [],
  })
  t.ok(await mailOfKind(app, who.email, 'factors_reset'))
  const { data } = (await app.api('GET', '/me/activity', { headers: bearer(signedIn) })).body
  const events = data.map(({ event }: { event: string }) => event)
  for (const event of ['factors_reset_requested', 'factor_removed', 'factors_reset'])
    t.ok(events.includes(event), event)
})

t.test('an operator cancels the reset, and cannot request one for an account without a factor', async (t) => {
  const who = await newPerson(app)
  await resetFactors(await operator(), who.email)
  await cancelFactorsReset(await operator(), who.email)
  await due(await newPerson(app))
  t.equal((await showFactors(await operator(), who.email)).resetDueAt, null)
  const plain = await app.signUp()
  await t.rejects(resetFactors(await operator(), plain.email), { code: 'factor_needed' })
})

t.test('a waiting time of 0 removes them at once', async (t) => {
  await app.setPolicy({ ...policy, factors: { reset_wait_hours: 0 } })
  t.teardown(() => app.setPolicy(policy))
  const who = await newPerson(app)
  // New services: those above may still have the former policy cached.
  const fresh = servicesOn(app.sql)
  await resetFactors(operatorContext(fresh, await fresh.projects.get(app.projectId)), who.email)
  t.equal((await login(who)).status, 200)
})
