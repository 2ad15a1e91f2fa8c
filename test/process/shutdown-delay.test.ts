// SHUTDOWN_DELAY_MS: who asks whether the service is ready is told at once that it is not, and until load balancers have noticed
// every request is served, on new connections too.
import { connect } from 'node:net'
import t from 'tap'
import { startTestApp } from '../support/app.ts'

t.test('readiness fails first, then connections', async (t) => {
  const app = await startTestApp(t, { env: { SHUTDOWN_DELAY_MS: '1500' } })
  const { email, password } = await app.signUp()
  const ready = () => app.send('GET', '/health/ready').then(({ status }) => status)
  const signIn = () =>
    app.api('POST', '/login', { headers: { connection: 'close' }, body: { email, password } })
  t.equal(await ready(), 200)
  const since = performance.now()
  const closing = app.running.close()
  const again = app.running.close()
  t.equal(await ready(), 503, 'not from the last second’s answer')
  t.equal((await app.send('GET', '/health/live')).status, 200)
  for (let turn = 0; performance.now() - since < 1000; turn++) {
    t.equal((await signIn()).status, 200, `on a new connection, ${turn}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  await Promise.all([closing, again])
  t.ok(performance.now() - since >= 1500)
  const { port } = new URL(app.url)
  const refused = await new Promise((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () => resolve(false)).once('error', () => resolve(true))
    socket.unref()
  })
  t.equal(refused, true)
})
