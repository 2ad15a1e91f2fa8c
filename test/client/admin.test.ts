// The typed client of the admin API, against a running service.
import t from 'tap'
import { createAdminClient } from '../../openapi/client/src/admin.ts'
import { ApiError } from '../../openapi/client/src/errors.ts'
import { startTestApp } from '../support/app.ts'
import { newOperator, sparingFactors } from '../support/operators.ts'

const app = await startTestApp(t)
await sparingFactors(app)
const owner = await newOperator(app, ['owner', null])
const admin = createAdminClient({ baseUrl: app.url, token: async () => owner.token })

t.test('projects, a policy from the state that was read, and every user page after page', async (t) => {
  const { project, secret } = await admin.call('post', '/api/admin/projects', { body: { name: 'Shop' } })
  const path = { id: project.id }
  const policy = await admin.call('get', '/api/admin/projects/{id}/policy', { path })
  const body = { verification: { mode: 'off' } }
  const changed = await admin.call('patch', '/api/admin/projects/{id}/policy', {
    path,
    body,
    ifMatch: admin.etagOf(policy),
  })
  t.same(
    changed.changes.map(({ key }) => key),
    ['verification.mode'],
  )
  const stale = admin.call('patch', '/api/admin/projects/{id}/policy', {
    path,
    body,
    ifMatch: admin.etagOf(policy),
  })
  await t.rejects(stale, { code: 'precondition_failed', status: 412 })

  const backEnd = createAdminClient({ baseUrl: app.url, project: { id: project.id, secret } })
  for (const at of [1, 2, 3])
    await backEnd.call('post', '/api/admin/projects/{id}/users', {
      path,
      body: { email: `user-${at}@example.com` },
      idempotencyKey: `key-${at}`,
    })
  const found: string[] = []
  for await (const user of backEnd.all('/api/admin/projects/{id}/users', { path, query: { limit: 2 } }))
    found.push(user.email)
  t.same(found, ['user-3@example.com', 'user-2@example.com', 'user-1@example.com'])
})

t.test('a refusal is an ApiError, a service that is away a NetworkError', async (t) => {
  const nobody = createAdminClient({ baseUrl: app.url })
  const error = await nobody.call('get', '/api/admin/me', {}).catch((thrown: unknown) => thrown)
  t.ok(error instanceof ApiError && error.code === 'unauthenticated')
  const away = createAdminClient({ baseUrl: 'http://127.0.0.1:1' })
  await t.rejects(away.call('get', '/api/admin/me', {}), { code: 'network_error' })
  const signal = AbortSignal.abort(new Error('left'))
  await t.rejects(admin.call('get', '/api/admin/me', { signal }), { message: 'left' }, 'and nothing is sent')
})
