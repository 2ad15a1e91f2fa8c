// The event loop is stalled: what is asked meanwhile is refused at once and in everybody's own words, and nothing is left
// of it when the stall is over.
import t from 'tap'
import { bearer, startTestApp } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'
import { readExposition, total } from '../support/exposition.ts'

/** Turns of the event loop that take this long are a stall to the app of these tests. */
const stallMs = 150

/** Makes every turn of this process's event loop, which is the app's, a long one, until it is told to stop. */
function stall(): () => void {
  let stalled = true
  const turn = () => {
    const until = performance.now() + 2 * stallMs
    while (performance.now() < until);
    if (stalled) setTimeout(turn, 1)
  }
  turn()
  return () => {
    stalled = false
  }
}

t.test('a stalled process refuses in every shape, says that it lives, and recovers', async (t) => {
  const app = await startTestApp(t, { env: { MAX_EVENT_LOOP_DELAY_MS: String(stallMs) } })
  const user = await app.signUp()
  const me = () => app.api('GET', '/me', { headers: bearer(user) })
  t.equal((await me()).status, 200)

  const end = stall()
  t.teardown(end)
  const refused = await eventually(
    'requests are refused',
    async () => {
      const answer = await me()
      return answer.status === 503 && answer
    },
    60_000,
  )
  if (!refused) throw new Error('unreachable')
  t.equal(refused.body.code, 'service_unavailable')
  t.equal(refused.headers.get('retry-after'), '2')
  t.equal(refused.body.retry_after, 2)

  const body = { email: user.email, password: user.password }
  const shapes = [
    ['/api/auth/login', (said) => said.code === 'service_unavailable'],
    ['/nora/auth/login', (said) => said.error === 'Service unavailable, please try again later'],
    [
      '/nodeloom/api/auth/login',
      (said) => typeof said.error === 'string' || typeof said.message === 'string',
    ],
    ['/credebl/v1/auth/signin', (said) => said.statusCode === 503],
    // biome-ignore lint/suspicious/noExplicitAny: every contract's own shape
  ] as const satisfies readonly (readonly [string, (said: any) => boolean])[]
  for (const [path, fits] of shapes) {
    // Checked against the document of its contract as well.
    const answer = await app.send('POST', path, { body })
    t.equal(answer.status, 503, path)
    t.ok(Number(answer.headers.get('retry-after')) >= 1, path)
    t.ok(fits(answer.body), `${path}: ${JSON.stringify(answer.body)}`)
  }
  for (const path of ['/health/ready', '/.well-known/jwks.json', '/problems'])
    t.equal((await app.send('GET', path)).status, 503, path)
  t.equal((await app.send('GET', '/health/live')).status, 200, 'it lives')
  const scraped = await app.send('GET', '/metrics')
  t.equal(scraped.status, 200)
  t.ok(
    total(readExposition(scraped.body), 'sallyport_shed_requests_total') >= 8,
    'and counts whom it refused',
  )
  const [row] = await app.sql`select count(*)::int as count from sessions`
  t.equal(row?.count, 1, 'who was refused has changed nothing')

  end()
  await eventually('requests are answered', async () => (await me()).status === 200, 60_000)
  t.equal((await app.send('GET', '/health/ready')).status, 200)
})
