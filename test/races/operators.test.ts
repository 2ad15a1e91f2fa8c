// Two owners at once: whatever they do to each other, one remains.
import t from 'tap'
import { startTestApp } from '../support/app.ts'
import { adminWith, inOperators, newOperator, sparingFactors } from '../support/operators.ts'

const app = await startTestApp(t)
await sparingFactors(app)

async function twoOwners() {
  await app.sql`delete from operator_roles`
  return [await newOperator(app, ['owner', null]), await newOperator(app, ['owner', null])] as const
}
const owners = async () =>
  app.sql`select users.uuid from operator_roles join users on users.id = user_id
    where operator_roles.role = 'owner' and scope is null and disabled_at is null`

t.test('two owners who remove each other: one remains', async (t) => {
  for (let round = 0; round < 5; round++) {
    const [one, two] = await twoOwners()
    const answers = await Promise.all([
      one.admin('DELETE', `/operators/${two.uuid}`),
      two.admin('DELETE', `/operators/${one.uuid}`),
    ])
    t.ok(
      answers.filter(({ status }) => status === 200).length <= 1,
      answers.map(({ status }) => status).join(),
    )
    t.equal((await owners()).length, 1)
  }
})

t.test('two owners who leave, by any two ways: one remains', async (t) => {
  const leave = (who: Awaited<ReturnType<typeof newOperator>>) =>
    inOperators(app, 'DELETE', '/me', {
      headers: { authorization: `Bearer ${who.token}` },
      body: { current_password: who.password },
    })
  for (let round = 0; round < 6; round++) {
    const [one, two] = await twoOwners()
    const path = `/operators/${two.uuid}/roles`
    const ways = [
      () => leave(two),
      () => two.admin('PUT', path, { body: { role: 'viewer' } }),
      () => two.admin('DELETE', path),
    ]
    const answers = await Promise.all([leave(one), ways[round % 3]?.()])
    const statuses = answers.map((answer) => answer?.status ?? 0)
    t.same(statuses.filter((status) => status >= 400).length, 1, statuses.join())
    t.equal((await owners()).length, 1)
  }
})

t.test('a first link that several follow at once makes one owner', async (t) => {
  await app.sql`delete from operator_roles`
  const next = await startTestApp(t, { databaseUrl: app.databaseUrl })
  const line = next.logs.map(({ msg }) => String(msg)).find((msg) => msg.includes('/operators/setup#')) ?? ''
  const token = line.split('#')[1]
  const answers = await Promise.all(
    [1, 2, 3, 4].map((at) =>
      adminWith(next, {})('POST', '/setup', {
        body: { token, email: `first-${at}@example.com`, password: 'chosen by an operator' },
      }),
    ),
  )
  t.same(answers.map(({ status }) => status).sort(), [200, 422, 422, 422])
  t.equal((await owners()).length, 1)
})
