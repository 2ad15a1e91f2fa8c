// @sallyport/testing as other developers use it: installed in a project of theirs, in node:test, vitest and Playwright, in several
// processes at once; time that is turned; and nothing left, however the tests end.
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findChromium } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { strangersFolder } from '../support/strangers.ts'
import { testingProject } from '../support/testing-project.ts'

/** Steps of a sign-in that tests of every runner share; `expect` compares what came with what should. */
const story = `import { startSallyport } from '@sallyport/testing'

const email = 'ada@example.com'
const password = 'correct horse battery'
const codeOf = (work) => work.then(() => 'done', (error) => error.code ?? error.message)

export async function signIn(expect) {
  await during(await startSallyport({ project: { verification: { mode: 'strict' } } }), async (sallyport) => {
    const client = sallyport.client()
    await client.signUp({ email, password })
    expect(await codeOf(client.signInWithPassword({ email, password })), 'email_verification_required')
    const code = await sallyport.inbox.code(email, { kind: 'verify_email' })
    const link = await sallyport.inbox.link(email)
    expect(new URL(link).origin, sallyport.url)
    await client.confirmVerificationEmail({ email, code })
    await client.signInWithPassword({ email, password })
    expect((await client.me()).user.email, email)
  })
}

export async function turnTime(expect) {
  await during(await startSallyport(), async (sallyport) => {
    const user = await sallyport.createUser({ displayName: 'Grace' })
    const client = sallyport.client({ projectUserAuth: { autoRefresh: false } })
    const signIn = () => client.signInWithPassword({ email: user.email, password: user.password })
    const before = await sallyport.clock.now()
    const { access_token, refresh_token } = await signIn()
    const me = async () =>
      (await fetch(sallyport.url + '/api/auth/me', { headers: { authorization: 'Bearer ' + access_token } })).status
    expect(await me(), 200)
    const after = await sallyport.clock.advance({ minutes: 16 })
    expect(after - before >= 16 * 60_000, true)
    expect(await me(), 401)
    const refresh = (token) =>
      fetch(sallyport.url + '/api/auth/refresh', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ refresh_token: token }),
      })
    const refreshed = await refresh(refresh_token)
    expect(refreshed.status, 200)
    expect((await refreshed.json()).user.display_name, 'Grace')

    await client.forgotPassword({ email: user.email })
    const code = await sallyport.inbox.code(user.email)
    await sallyport.clock.advance({ hours: 2 })
    const late = await client.resetPassword({ email: user.email, code, password: 'another long one' }).catch((error) => error)
    expect(Object.keys(late.details ?? {}), ['token', 'code'])

    const wrong = () => codeOf(client.signInWithPassword({ email: user.email, password: 'wrong' }))
    let refusal = ''
    for (let tries = 0; tries < 30 && refusal !== 'too_many_attempts'; tries++) refusal = await wrong()
    expect(refusal, 'too_many_attempts')
    await sallyport.clock.advance({ days: 1 })
    await signIn()
    expect((await client.me()).user.uuid, user.uuid)
    expect(await codeOf(sallyport.clock.advance({ minutes: -1 })), 'The clock can only be advanced, by more than 0 seconds.')
    await sallyport.clock.advance({ days: 400 })
    expect(await codeOf(client.me()), 'unauthenticated')
  })
}

async function during(sallyport, work) {
  try {
    await work(sallyport)
  } finally {
    await sallyport.close()
  }
}
`

const nodeTest = `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signIn, turnTime } from './story.js'
const expect = (found, wanted) => assert.deepEqual(found, wanted)
`

t.test(
  'in node:test, two files at once: sign-up, mail, sign-in; sessions, codes and lockouts end in turned time',
  async (t) => {
    const project = await testingProject(t, {
      'story.js': story,
      'one.test.js': `${nodeTest}test('sign in', () => signIn(expect))\n`,
      'two.test.js': `${nodeTest}test('turn time', () => turnTime(expect))\n`,
    })
    const { code, out } = await project.run(['--test', 'one.test.js', 'two.test.js'])
    t.equal(code, 0, 'both pass', { out })
    t.match(out, /(?:# |ℹ )pass 2/)
    t.same(await project.left(), [], 'no process and no data')
    const projectRun = (script: string) => project.run(['--input-type=module', '-e', script])

    await t.test(
      'a mail that does not come is told with those that did; a wrong setting and production are refused',
      async (t) => {
        const script = `import { startSallyport } from '@sallyport/testing'
const said = (work) => work.catch((error) => console.log(error.name + ': ' + error.message))
await said(startSallyport({ project: { verification: { mood: 'strict' } } }))
// A database of others that the environment names is left alone.
const sallyport = await startSallyport({ env: { DATABASE_URL: 'postgres://nobody@127.0.0.1:9/real' } })
await sallyport.client().signUp({ email: 'ada@example.com', password: 'correct horse battery' })
await sallyport.inbox.message('ada@example.com')
await said(sallyport.inbox.code('ada@example.com', { timeoutMs: 100, kind: 'reset_password' }))
await said(sallyport.inbox.link('bob@example.com', { timeoutMs: 100 }))
await said(sallyport.createUser({ email: 'nonsense' }))
await sallyport.close()
await said(sallyport.createUser())
process.env.NODE_ENV = 'production'
await said(startSallyport())
`
        const { code, out } = await projectRun(script)
        t.equal(code, 0, 'every refusal is an error of its own', { out })
        t.match(out, /SallyportTestingError: The policy needs a change[\s\S]*verification\.mood/)
        t.match(out, /No mail with a code of kind reset_password arrived for ada@example\.com within 100 ms/)
        t.match(out, /to ada@example\.com: “/)
        t.match(out, /None of them went to bob@example\.com/)
        t.match(out, /The account cannot be made:\n {2}- The address must be/)
        t.match(out, /The service (?:has ended|is closed)/)
        t.match(out, /NODE_ENV is production/)
        t.same(await project.left(), [])
      },
    )

    await t.test(
      'nothing is left by tests that forget to close, that are killed, or whose whole group is killed',
      async (t) => {
        const start = `import { startSallyport } from '@sallyport/testing'
const { url } = await startSallyport()
console.log(url)
`
        const forgot = await projectRun(start)
        t.equal(forgot.code, 0, 'the service keeps no process alive', { out: forgot.out })
        await eventually('the end of what was forgotten', async () => (await project.left()).length === 0)
        for (const group of [false, true]) {
          const child = project.start(['--input-type=module', '-e', `${start}setInterval(() => {}, 1000)`])
          await once(child.stdout ?? child, 'data')
          t.ok((await project.left()).length >= 2, 'a data directory and a server')
          process.kill(group ? -(child.pid ?? 0) : (child.pid ?? 0), 'SIGKILL')
          await eventually('the end of the service', async () => (await project.left()).length === 0)
        }
      },
    )
  },
)

const vitest = join(strangersFolder, 'node_modules/vitest/vitest.mjs')
t.test(
  'in vitest, in two workers at once',
  { skip: existsSync(vitest) ? false : 'not installed: npm ci --prefix test/clients' },
  async (t) => {
    const file = (name: string) => `import { expect, test } from 'vitest'
import { ${name} } from './story.js'
test('${name}', () => ${name}((found, wanted) => expect(found).toEqual(wanted)), 60_000)
`
    const project = await testingProject(
      t,
      { 'story.js': story, 'one.test.js': file('signIn'), 'two.test.js': file('turnTime') },
      join(strangersFolder, 'node_modules'),
    )
    const { code, out } = await project.run([vitest, 'run', '--root', project.folder])
    t.equal(code, 0, 'both pass', { out })
    t.match(out, /2 passed/)
    await eventually('the end of its workers', async () => (await project.left()).length === 0)
  },
)

const playwright = join(strangersFolder, 'node_modules/@playwright/test/cli.js')
const chromium = findChromium()
const missing = !existsSync(playwright)
  ? 'not installed: npm ci --prefix test/clients'
  : chromium
    ? false
    : 'no Chromium'
t.test(
  'in Playwright, a fixture for each worker, and a page that is opened from the mail',
  { skip: missing },
  async (t) => {
    const spec = (email: string) => `import { expect } from '@playwright/test'
import { test } from './fixture.js'
test('the link of the mail proves the address', async ({ page, sallyport }) => {
  const client = sallyport.client()
  await client.signUp({ email: '${email}', password: 'correct horse battery' })
  await page.goto(await sallyport.inbox.link('${email}'))
  await page.getByRole('button').click()
  await expect(page.getByRole('heading')).toBeVisible()
  await client.signInWithPassword({ email: '${email}', password: 'correct horse battery' })
  expect((await client.me()).user.email_verified_at).not.toBeNull()
})
`
    const project = await testingProject(
      t,
      {
        'fixture.js': `import { test as base } from '@playwright/test'
import { startSallyport } from '@sallyport/testing'
export const test = base.extend({
  sallyport: [async ({}, use) => {
    const sallyport = await startSallyport({ project: { verification: { mode: 'strict' } } })
    await use(sallyport)
    await sallyport.close()
  }, { scope: 'worker', timeout: 60_000 }],
})
`,
        'playwright.config.js': `export default {
  workers: 2,
  timeout: 60_000,
  reporter: 'line',
  use: { launchOptions: { executablePath: ${JSON.stringify(chromium)}, args: ['--no-sandbox', '--headless'] } },
}
`,
        'one.spec.js': spec('ada@example.com'),
        'two.spec.js': spec('bob@example.com'),
      },
      join(strangersFolder, 'node_modules'),
    )
    const { code, out } = await project.run([playwright, 'test'])
    t.equal(code, 0, 'both pass', { out })
    t.match(out, /2 passed/)
    await eventually('the end of its workers', async () => (await project.left()).length === 0)
  },
)
