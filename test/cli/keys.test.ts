// npx . keys …: real processes beside a running service, as an operator types them.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startTestApp, testSecretKey } from '../support/app.ts'
import { runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'

const app = await startTestApp(t)
const folder = t.testdir()
const sallyport = (words: readonly string[], env: Record<string, string> = {}) =>
  runCommand(words, {
    DATA_DIR: join(folder, 'data'),
    DATABASE_URL: app.databaseUrl,
    SECRET_KEY: testSecretKey,
    ...env,
  })
const keys = (words: readonly string[], env: Record<string, string> = {}) =>
  sallyport(['keys', ...words], env)
const listed = async () =>
  JSON.parse((await keys(['list', '--json'])).out) as { kid: string; state: string; created_at: string }[]
const kidOf = async (state: string) => (await listed()).find((key) => key.state === state)?.kid

t.test('list shows what each key does, and no half of it', async (t) => {
  const { code, out, err } = await keys(['list'])
  t.equal(code, 0, err)
  t.match(out, /^[\w-]{43} {2}(?:next|current) +ES256 +made \d{4}-/m)
  for (const key of await listed()) t.same(Object.keys(key), ['kid', 'algorithm', 'state', 'created_at'])
  t.same((await listed()).map(({ state }) => state).sort(), ['current', 'next'])
})

t.test(
  'under the secret of another installation nothing is sealed, and no log is called broken',
  async (t) => {
    const project = ['--project', app.projectId]
    const wrong = { SECRET_KEY: 'the secret of another installation' }
    await eventually('the first rows are sealed', async () => {
      const chains = await app.sql`select 1 from security_log_chains`
      return chains.length > 0
    })
    const file = join(folder, 'people')
    writeFileSync(file, '{"email": "wrong-key@example.com"}')
    for (const words of [
      ['webhooks', 'create', ...project, '--url', 'https://crm.example.com/'],
      [
        'users',
        'create',
        ...project,
        '--email',
        'wrong-key@example.com',
        '--password',
        'a good long password',
      ],
      ['users', 'import', ...project, '--file', file],
      ['users', 'export', ...project, '--file', join(folder, 'exported')],
    ]) {
      const { code, err } = await sallyport(words, wrong)
      t.equal(code, 1, words.join(' '))
      t.match(err, /^SECRET_KEY is not the secret that this database was first started with/m)
    }
    t.same(await app.sql`select 1 from webhooks`, [])
    t.same(await app.sql`select 1 from users where email = 'wrong-key@example.com'`, [])
    t.equal((await sallyport(['audit', 'verify'])).code, 0)
    const unverified = await sallyport(['audit', 'verify'], wrong)
    t.equal(unverified.code, 78)
    t.match(unverified.err, /SECRET_KEY is not the secret of this installation.*cannot be verified/)
    t.equal(unverified.out, '')
  },
)

t.test('rotate waits until everybody may know the next key, unless it is forced', async (t) => {
  const next = await kidOf('next')
  const early = await keys(['rotate'])
  t.equal(early.code, 1)
  t.match(early.err, /published less than 10 minutes ago.*--force/)
  t.equal(await kidOf('next'), next, 'nothing changed')
  await app.sql`update jwt_signing_keys set state_since = now() - interval '11 minutes'`
  const due = await keys(['rotate', '--json'])
  t.equal(due.code, 0, due.err)
  t.same(JSON.parse(due.out), { rotated: true })
  t.equal(await kidOf('current'), next)
  t.equal((await keys(['rotate'])).code, 1)
  t.equal((await keys(['rotate', '--force'])).code, 0)
})

t.test('the running service follows, and takes tokens from before', async (t) => {
  const { body, email, password } = await app.signUp()
  await app.sql`update jwt_signing_keys set state_since = now() - interval '11 minutes'`
  t.equal((await keys(['rotate'])).code, 0)
  await app.running.checkKeys()
  const again = await app.api('POST', '/login', { body: { email, password } })
  const kid = (token: string) =>
    JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid
  t.equal(kid(again.body.access_token), await kidOf('current'))
  t.not(kid(body.access_token), kid(again.body.access_token))
  for (const token of [body.access_token, again.body.access_token])
    t.equal((await app.api('GET', '/me', { headers: { authorization: `Bearer ${token}` } })).status, 200)
})

const kidOfToken = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid
const published = async () =>
  (await app.send('GET', '/.well-known/jwks.json')).body.keys.map(({ kid }: { kid: string }) => kid)

t.test('revoke: the key that signs is worth nothing within 100 ms, and another signs', async (t) => {
  const { body, email, password } = await app.signUp()
  const me = (token: string) => app.api('GET', '/me', { headers: { authorization: `Bearer ${token}` } })
  t.equal((await me(body.access_token)).status, 200)
  const leaked = kidOfToken(body.access_token)
  const next = await kidOf('next')
  const { code, out, err } = await keys(['revoke', leaked, '--json'])
  t.equal(code, 0, err)
  t.same(JSON.parse(out), { revoked: leaked, state: 'current' })
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.equal((await me(body.access_token)).status, 401, 'a running service refuses its tokens')
  t.notOk((await published()).includes(leaked), 'the key set has it no longer')
  t.equal(await kidOf('current'), next)
  const refreshed = await app.api('POST', '/refresh', { body: { refresh_token: body.refresh_token } })
  t.equal(refreshed.status, 200, 'the session goes on')
  t.equal(kidOfToken(refreshed.body.access_token), next)
  t.equal((await me(refreshed.body.access_token)).status, 200)
  t.equal((await app.api('POST', '/login', { body: { email, password } })).status, 200)
  t.same((await listed()).filter(({ state }) => state !== 'previous').length, 2, 'and a next one is ready')
})

t.test('revoke: a next and a previous key as well; an unknown one changes nothing', async (t) => {
  for (const state of ['next', 'previous']) {
    if (state === 'previous') t.equal((await keys(['rotate', '--force'])).code, 0)
    const kid = (await kidOf(state)) ?? ''
    const current = await kidOf('current')
    t.equal((await keys(['revoke', kid])).code, 0)
    t.notOk((await listed()).some((key) => key.kid === kid))
    t.equal(await kidOf('current'), current)
    t.ok(await kidOf('next'))
  }
  const before = await listed()
  const unknown = await keys(['revoke', 'no-such-key'])
  t.equal(unknown.code, 1)
  t.match(unknown.err, /no signing key with this id/)
  t.same(await listed(), before)
})

t.test('revoke: many at one instant leave one current and one next key', async (t) => {
  const current = (await kidOf('current')) ?? ''
  const ends = await Promise.all([1, 2, 3].map(() => keys(['revoke', current])))
  t.equal(ends.filter(({ code }) => code === 0).length, 1)
  const states = (await listed()).map(({ state }) => state)
  t.same(states.filter((state) => state !== 'previous').sort(), ['current', 'next'])
})

t.test('reseal moves every key to the new secret; after that the old one can go', async (t) => {
  const newer = { SECRET_KEY: 'another secret of more than thirty-two bytes' }
  t.match((await keys(['rotate', '--force'], newer)).err, /SECRET_KEY is not the secret/)
  const count = (await listed()).length
  const resealed = await keys(['reseal', '--json'], { ...newer, SECRET_KEY_PREVIOUS: testSecretKey })
  t.same(JSON.parse(resealed.out), { resealed: count })
  t.equal((await keys(['rotate', '--force'], newer)).code, 0)
  t.equal((await keys(['rotate', '--force'])).code, 1)
})

t.test('words that make no sense are told with the usage', async (t) => {
  const nonsense = [[], ['turn'], ['list', 'more'], ['list', '--force'], ['rotate', '--now'], ['revoke']]
  const ends = await Promise.all(nonsense.map((words) => keys(words)))
  for (const [place, { code, err }] of ends.entries()) {
    t.equal(code, 2, String(nonsense[place]))
    t.match(err, /Usage:/)
  }
  t.match((await keys(['--help'])).out, /keys rotate \[--force\]/)
})
