// More passwords than the cores can hash: the surplus is refused at once, and all else goes on.
import t from 'tap'
import { defaultParameters } from '../../src/crypto/passwords.ts'
import { bearer, startTestApp } from '../support/app.ts'

t.test('a full hash queue refuses with 503 and Retry-After, while /me and /refresh answer', async (t) => {
  const app = await startTestApp(t, { passwordParameters: defaultParameters })
  const user = await app.signUp()
  const other = await app.signUp()

  let settled = 0
  let refusal = () => {}
  const refused = new Promise<void>((resolve) => {
    refusal = resolve
  })
  const storm = Array.from({ length: 500 }, async () => {
    const answer = await app.signUp()
    settled++
    if (answer.status === 503) refusal()
    return answer
  })
  await refused

  const me = await app.api('GET', '/me', { headers: bearer(user) })
  const refresh = await app.api('POST', '/refresh', { body: { refresh_token: other.body.refresh_token } })
  const health = await app.send('GET', '/health/live')
  t.ok(settled < storm.length, 'passwords are still waiting', { settled })
  t.equal(me.status, 200)
  t.equal(refresh.status, 200)
  t.equal(health.status, 200)

  const answers = await Promise.all(storm)
  const surplus = answers.filter(({ status }) => status === 503)
  t.same(new Set(answers.map(({ status }) => status)), new Set([201, 503]), 'made or refused, nothing else')
  for (const { body, headers } of surplus) {
    t.equal(body.code, 'service_unavailable')
    t.ok(Number(headers.get('retry-after')) >= 1)
    t.equal(body.retry_after, Number(headers.get('retry-after')))
  }
  const made = answers.filter(({ status }) => status === 201).length
  const [row] = await app.sql`select count(*)::int as count from users`
  t.equal(row?.count, made + 2, 'a refused sign-up has made nobody')
  t.equal((await app.signUp()).status, 201, 'and there is room again')
})
