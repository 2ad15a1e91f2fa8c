// The role of a user: shown to its owner, set by an operator, and by nobody over the wire.
import t from 'tap'
import { operatorContext } from '../../src/domain/context.ts'
import { setUserDisabled, setUserRole } from '../../src/domain/operators/users.ts'
import { bearer, startTestApp } from '../support/app.ts'
import { servicesOn } from '../support/domain.ts'

const app = await startTestApp(t)
const services = servicesOn(app.sql)
const ctx = operatorContext(services, await services.projects.get(app.projectId))
const roleOf = async (email: string) =>
  (await app.sql`select role from users where email = ${email}`)[0]?.role

t.test('whatever a sign-up or a change of the profile says, the role stays user', async (t) => {
  const admin = { role: 'admin', Role: 'admin', roles: ['admin'], is_admin: true }
  const signUp = await app.signUp({ ...admin, metadata: { role: 'admin' } })
  t.equal(signUp.status, 201)
  t.equal(signUp.body.user.role, 'user')
  const headers = bearer(signUp)
  const patched = await app.api('PATCH', '/profile', { headers, body: { ...admin, display_name: 'Ada' } })
  t.equal(patched.status, 200)
  t.match(patched.body.user, { display_name: 'Ada', role: 'user' })
  const alone = await app.api('PATCH', '/profile', { headers, body: admin })
  t.equal(alone.status, 422, 'there is nothing to change in it')
  t.equal(await roleOf(signUp.email), 'user')
  const me = await app.api('GET', '/me', { headers })
  t.equal(me.body.user.role, 'user')
})

t.test('an operator’s word counts at the next request, in sessions that are open', async (t) => {
  const signUp = await app.signUp()
  await setUserRole(ctx, signUp.email, 'admin', { force: true })
  const me = () => app.api('GET', '/me', { headers: bearer(signUp) })
  t.equal((await me()).body.user.role, 'admin')
  await setUserRole(ctx, signUp.email, 'user')
  t.equal((await me()).body.user.role, 'user')
})

t.test('a disabled account is refused at the next request', async (t) => {
  const signUp = await app.signUp()
  await setUserDisabled(ctx, signUp.email, true)
  t.equal((await app.api('GET', '/me', { headers: bearer(signUp) })).status, 401)
  const { refresh_token } = signUp.body
  t.equal((await app.api('POST', '/refresh', { body: { refresh_token } })).status, 401)
  const { email, password } = signUp
  t.equal((await app.api('POST', '/login', { body: { email, password } })).status, 403)
})
