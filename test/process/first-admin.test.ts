// The first admin: made once at a start, whatever starts beside it, and never made over an account that is there.
import t from 'tap'
import { bearer, startTestApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'

const email = 'root@example.com'
const password = 'the first good password'
const env = {
  CONTRACT_PROJECT_ID: '',
  ADMIN_EMAIL: email,
  ADMIN_PASSWORD: password,
  ADMIN_FIRST_NAME: 'Grace',
  ADMIN_LAST_NAME: 'Hopper',
}

t.test(
  'three instances that start at once make one, in the default project, who signs in as admin',
  async (t) => {
    const databaseUrl = await createDatabase(t)
    const apps = await Promise.all([1, 2, 3].map(() => startTestApp(t, { databaseUrl, env })))
    const [app] = apps
    if (!app) throw new Error('There is no app.')
    const made =
      await app.sql`select users.id, is_default from users join projects on projects.id = project_id
    where email = ${email}`
    t.same(
      made.map((row) => row.is_default),
      [true],
    )
    const headers = { 'content-type': 'application/json' }
    const login = await app.send('POST', '/api/auth/login', { headers, body: { email, password } })
    t.equal(login.status, 200)
    t.match(login.body.user, { role: 'admin', first_name: 'Grace', last_name: 'Hopper' })
    t.ok(login.body.user.email_verified_at)
    t.equal((await app.send('GET', '/api/auth/me', { headers: bearer(login) })).status, 200)
    const said = apps.flatMap(({ logs }) => logs).filter(({ msg }) => /first admin/.test(String(msg)))
    t.equal(said.length, 1, 'one instance says so')
    t.notMatch(JSON.stringify(apps.map(({ logs }) => logs)), password)

    await app.sql`update users set role = 'user', first_name = 'Mine' where email = ${email}`
    const later = await startTestApp(t, {
      databaseUrl,
      env: { ...env, ADMIN_PASSWORD: 'another good password' },
    })
    const [row] = await later.sql`select role, first_name from users where email = ${email}`
    t.same({ ...row }, { role: 'user', first_name: 'Mine' }, 'an account that is there stays as it is')
    const again = await later.send('POST', '/api/auth/login', { headers, body: { email, password } })
    t.equal(again.status, 200, 'with its password')
  },
)

t.test('the admin is made in the project of the contracts', async (t) => {
  const databaseUrl = await createDatabase(t)
  const first = await startTestApp(t, { databaseUrl })
  const { id } = await first.project()
  const app = await startTestApp(t, { databaseUrl, env: { ...env, CONTRACT_PROJECT_ID: id } })
  const rows = await app.sql`select project_id from users where email = ${email}`
  t.same(
    rows.map(({ project_id }) => project_id),
    [id],
  )
})
