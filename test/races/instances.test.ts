// Several instances that start at the same time on one empty database.
import t from 'tap'
import { bearer, startTestApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'

t.test('three instances start at once on an empty database and are one service', async (t) => {
  const databaseUrl = await createDatabase(t, { template: false })
  const env = { PUBLIC_URL: 'https://auth.example.com' }
  const apps = await Promise.all([1, 2, 3].map(() => startTestApp(t, { databaseUrl, env })))
  const [first, second, third] = apps
  if (!first || !second || !third) throw new Error('Three were started.')

  const [{ defaults } = { defaults: -1 }] =
    await first.sql`select count(*)::int as defaults from projects where is_default`
  t.equal(defaults, 1, 'one default project')
  const keys = await first.sql`select kid, state from jwt_signing_keys`
  t.same(
    keys.map(({ state }) => state).sort(),
    ['current', 'next'],
    'one key signs, one is published to be the next',
  )
  const applied = await first.sql`select hash from drizzle.__drizzle_migrations`
  t.equal(applied.length, new Set(applied.map(({ hash }) => hash)).size, 'every migration was applied once')
  const sets = await Promise.all(apps.map((app) => app.send('GET', '/.well-known/jwks.json')))
  for (const set of sets) t.same(set.body, sets[0]?.body)

  // Without a header all of them mean the same project, and each takes the tokens of the others.
  const email = 'ada@example.com'
  const password = 'a good long password'
  const signedUp = await first.send('POST', '/api/auth/signup', { body: { email, password } })
  t.equal(signedUp.status, 201)
  for (const app of apps) {
    const me = await app.send('GET', '/api/auth/me', { headers: bearer(signedUp) })
    t.equal(me.status, 200)
    t.equal(me.body.user.email, email)
  }
  const refreshed = await second.send('POST', '/api/auth/refresh', {
    body: { refresh_token: signedUp.body.refresh_token },
  })
  t.equal(refreshed.status, 200)
  const again = await Promise.all(
    apps.map((app) =>
      app.send('POST', '/api/auth/refresh', { body: { refresh_token: signedUp.body.refresh_token } }),
    ),
  )
  for (const answer of again) t.equal(answer.body.refresh_token, refreshed.body.refresh_token)

  t.equal((await third.send('POST', '/api/auth/logout', { headers: bearer(refreshed) })).status, 200)
  for (const app of apps)
    t.equal((await app.send('GET', '/api/auth/me', { headers: bearer(refreshed) })).status, 401)

  // Guesses are counted together: the lockout is the account's, not an instance's.
  const guesses = []
  for (let i = 0; i < 6; i++) {
    const app = apps[i % 3] ?? first
    guesses.push((await app.send('POST', '/api/auth/login', { body: { email, password: 'wrong' } })).status)
  }
  t.same(guesses, [401, 401, 401, 401, 401, 429])
})
