// Nora's documented API, row by row: a client written for its pages works here unchanged.
import t from 'tap'
import { startTestApp } from '../support/app.ts'

const app = await startTestApp(t)

t.test('POST /signup · 200 · then login and me, under both bases', async (t) => {
  for (const base of ['/nora/auth', '/nora/api/auth']) {
    const body = { email: `one-${base.length}@example.com`, password: 'securepassword' }
    const signed = await app.send('POST', `${base}/signup`, { body })
    t.equal(signed.status, 200)
    t.same(Object.keys(signed.body), ['id', 'email'])
    const { body: in_ } = await app.send('POST', `${base}/login`, { body })
    const me = await app.send('GET', `${base}/me`, { headers: { authorization: `Bearer ${in_.token}` } })
    t.equal(me.status, 200)
    t.equal(me.body.id, signed.body.id)
  }
})
