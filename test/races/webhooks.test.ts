// Several jobs make deliveries of the same events at once: each event is one delivery, and none is passed over.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { makeDeliveries } from '../../src/domain/events/deliveries.ts'
import { orderAllEvents } from '../../src/domain/events/events.ts'
import { createTestDomain } from '../support/domain.ts'

t.test('no event is lost or doubled between two jobs and those who write', async (t) => {
  const { sql, services, project } = await createTestDomain(t)
  const webhook = randomUUID()
  await sql`insert into webhooks (id, project_id, url, secret, position)
    values (${webhook}, ${project.id}, 'https://example.com/', '\\x00', 0)`
  let isOver = false
  const writing = (async () => {
    for (let nth = 0; nth < 400; nth++)
      await sql`insert into events (project_id, subject, type, data)
        select ${project.id}, gen_random_uuid(), 'user.created', '{}' from generate_series(1, ${1 + (nth % 5)})`
    isOver = true
  })()
  const job = async () => {
    while (!isOver) {
      await orderAllEvents(services)
      await makeDeliveries(services)
    }
  }
  await Promise.all([writing, job(), job(), job()])
  await orderAllEvents(services)
  await makeDeliveries(services)
  const [written] = await sql`select count(*)::int as rows, max(position)::int as last from events`
  t.equal(written?.rows, written?.last, 'positions have no gap')
  const [made] =
    await sql`select count(*)::int as rows, count(distinct position)::int as positions from webhook_deliveries`
  t.same(made, { rows: written?.rows, positions: written?.rows })
})
