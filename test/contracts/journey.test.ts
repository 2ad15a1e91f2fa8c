// One person, four contracts: an account made in one is the same account in all, and so is everything that happens to it.
import t from 'tap'
import { bearer, cookieHeader, startTestApp } from '../support/app.ts'
import { runCommand } from '../support/command.ts'

const app = await startTestApp(t)
const email = 'ada@example.com'
const password = 'a good long password'
const cli = (...words: string[]) =>
  runCommand(words, {
    DATABASE_URL: app.databaseUrl,
    SECRET_KEY: 'a test secret of more than thirty-two bytes',
  })

async function nodeloom() {
  const answer = await app.send('POST', '/nodeloom/api/auth/login', { body: { email, password } })
  return { answer, headers: cookieHeader(answer) }
}
async function credebl(secret = password) {
  const answer = await app.send('POST', '/credebl/auth/signin', { body: { email, password: secret } })
  return { answer, headers: { authorization: `Bearer ${answer.body.data?.access_token}` } }
}
async function nora(secret = password) {
  const answer = await app.send('POST', '/nora/auth/login', { body: { email, password: secret } })
  return { answer, headers: { authorization: `Bearer ${answer.body.token}` } }
}

t.test('signed up through Nora, the person enters by every door and is the same', async (t) => {
  const made = await app.send('POST', '/nora/auth/signup', { body: { email, password } })
  t.equal(made.status, 200)
  const { id } = made.body
  const canonical = await app.api('POST', '/login', { body: { email, password } })
  t.equal(canonical.body.user.uuid, id)
  t.equal((await nodeloom()).answer.body.id, id)
  const there = await credebl()
  const sessions = await app.send('GET', `/credebl/auth/${id}/sessions`, { headers: there.headers })
  t.equal(sessions.status, 200)
  t.equal(sessions.body.data.length, 3, 'the sessions of all doors are in one list')
  const { data } = (await app.api('GET', '/sessions', { headers: bearer(canonical) })).body
  t.same(
    data.map(({ id }: { id: string }) => id).sort(),
    sessions.body.data.map(({ id }: { id: string }) => id).sort(),
  )
})

t.test('renamed in one, renamed in all', async (t) => {
  const canonical = await app.api('POST', '/login', { body: { email, password } })
  const body = { display_name: 'Ada L.', first_name: 'Ada', last_name: 'Lovelace' }
  await app.api('PATCH', '/profile', { headers: bearer(canonical), body })
  t.equal((await app.send('GET', '/nora/auth/me', { headers: (await nora()).headers })).body.name, 'Ada L.')
  t.match((await nodeloom()).answer.body, { firstName: 'Ada', lastName: 'Lovelace' })
})

t.test('a team made in NodeLoom is there in the canonical API, and at the next sign-in', async (t) => {
  const { headers } = await nodeloom()
  const team = await app.send('POST', '/nodeloom/api/teams', { headers, body: { name: 'Engines' } })
  t.equal(team.status, 201)
  const canonical = await app.api('POST', '/login', { body: { email, password } })
  t.match((await app.api('GET', '/teams', { headers: bearer(canonical) })).body.data, [
    { id: team.body.id, name: 'Engines' },
  ])
  t.match((await nodeloom()).answer.body.teams, [
    { teamId: team.body.id, teamName: 'Engines', role: 'ADMIN' },
  ])
})

t.test('guesses in one contract lock the account for that address in all', async (t) => {
  const other = await startTestApp(t)
  const ask = (path: string, body: object) => other.send('POST', path, { body })
  await ask('/nora/auth/signup', { email, password })
  const doors = ['/nora/auth/login', '/credebl/auth/signin', '/nodeloom/api/auth/login', '/nora/auth/login']
  for (const door of doors) t.equal((await ask(door, { email, password: 'guess' })).status, 401, door)
  t.equal((await other.api('POST', '/login', { body: { email, password: 'guess' } })).status, 401)
  for (const door of new Set(doors)) t.equal((await ask(door, { email, password })).status, 429, door)
  t.equal((await other.api('POST', '/login', { body: { email, password } })).status, 429)
})

t.test('a session that is ended in one contract is dead in the one that opened it', async (t) => {
  const there = await credebl()
  const here = await nora()
  const cookie = await nodeloom()
  const canonical = await app.api('POST', '/login', { body: { email, password } })
  await app.api('POST', '/sessions/revoke-others', { headers: bearer(canonical) })
  const id = (await app.api('GET', '/me', { headers: bearer(canonical) })).body.user.uuid
  t.equal((await app.send('GET', '/nora/auth/me', { headers: here.headers })).status, 401)
  t.equal((await app.send('GET', `/credebl/auth/${id}/sessions`, { headers: there.headers })).status, 401)
  t.equal((await app.send('POST', '/nodeloom/api/auth/refresh', { headers: cookie.headers })).status, 401)
  const again = await nora()
  t.equal((await app.send('POST', '/credebl/auth/signout', { headers: again.headers })).status, 200)
  t.equal((await app.send('GET', '/nora/auth/me', { headers: again.headers })).status, 401)
})

t.test('a password changed in one is the password in all', async (t) => {
  const next = 'another good password'
  const body = { email, oldPassword: password, newPassword: next }
  const { headers } = await nora()
  t.equal((await app.send('POST', '/credebl/auth/reset-password', { body })).status, 200)
  t.equal((await app.send('GET', '/nora/auth/me', { headers })).status, 401, 'and it ended every session')
  t.equal((await nora()).answer.status, 401)
  t.equal((await nora(next)).answer.status, 200)
  const change = { currentPassword: next, newPassword: password }
  const changed = await app.send('PATCH', '/nora/auth/password', {
    headers: (await nora(next)).headers,
    body: change,
  })
  t.equal(changed.status, 200)
  t.equal((await credebl()).answer.status, 200)
})

t.test('disabled by an operator, nobody enters by any door and no token works', async (t) => {
  const here = await nora()
  const { code, err } = await cli('users', 'disable', '--project', app.projectId, '--email', email)
  t.equal(code, 0, err)
  t.equal((await app.send('GET', '/nora/auth/me', { headers: here.headers })).status, 401)
  t.equal((await nora()).answer.status, 401)
  t.equal((await credebl()).answer.status, 401)
  t.equal((await nodeloom()).answer.status, 401)
  t.equal((await app.api('POST', '/login', { body: { email, password } })).status, 403)
  t.equal((await cli('users', 'enable', '--project', app.projectId, '--email', email)).code, 0)
  t.equal((await nora()).answer.status, 200)
})
