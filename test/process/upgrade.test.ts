// From version 0.1.0 to now: a database that it left behind is brought up to date, and everybody in it stays signed in. Nothing
// that 0.1.0 uses is taken away by that, so its instances run on beside the new ones, and one can go back.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres, { type Sql } from 'postgres'
import t, { type Test } from 'tap'
import { migrateDatabase } from '../../src/database/migrations.ts'
import { packageRoot } from '../../src/package.ts'
import { bearer, startTestApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'

const fixture = (name: string) => readFileSync(join(packageRoot, 'test/fixtures', name), 'utf8')
const facts: {
  people: { email: string; password: string }[]
  sessions: Record<'ada' | 'grace' | 'katherine', string>
  apiKey: string
  team: string
  project: string
} = JSON.parse(fixture('database-0.1.0.json'))

/** A database as 0.1.0 left it, its sessions as young as when they were written. @returns its URL */
async function oldDatabase(t: Test): Promise<{ url: string; sql: Sql }> {
  const url = await createDatabase(t, { template: false })
  const loader = postgres(url, { max: 1, onnotice: () => {} })
  await loader.unsafe(fixture('database-0.1.0.sql'))
  await loader.end()
  const sql = postgres(url, { max: 2, onnotice: () => {} })
  t.teardown(() => sql.end())
  await sql`update sessions set created_at = now(), last_seen_at = now(), rotated_at = now(),
    expires_at = now() + interval '30 days', absolute_expires_at = now() + interval '90 days'`
  return { url, sql }
}

t.test('everybody who was signed in stays so, and everybody else signs in', async (t) => {
  const { url } = await oldDatabase(t)
  const app = await startTestApp(t, { databaseUrl: url })
  const headers = { 'project-id': facts.project }
  for (const [name, refresh_token] of Object.entries(facts.sessions)) {
    const refreshed = await app.api('POST', '/refresh', { headers, body: { refresh_token } })
    t.equal(refreshed.status, 200, `${name}'s session is refreshed`)
    const me = await app.api('GET', '/me', { headers: { ...headers, ...bearer(refreshed) } })
    t.match(me, { status: 200, body: { user: { email: `${name}@example.com` } } })
  }
  for (const { email, password } of facts.people) {
    const answer = await app.api('POST', '/login', { headers, body: { email, password } })
    t.equal(answer.status, 200, email)
    t.equal(
      (await app.api('POST', '/login', { headers, body: { email, password: 'wrong one' } })).status,
      401,
    )
    if (!email.startsWith('ada')) continue
    const teams = await app.api('GET', '/teams', { headers: { ...headers, ...bearer(answer) } })
    t.match(teams, { status: 200, body: { data: [{ id: facts.team, name: 'Rockets' }] } })
  }
  const byKey = await app.api('GET', '/me', {
    headers: { ...headers, authorization: `Bearer ${facts.apiKey}` },
  })
  t.equal(byKey.status, 403, 'the key is known: what it lacks is the scope')
  t.equal((await app.send('GET', '/health/ready')).status, 200)
})

interface Column {
  readonly type: string
  readonly nullable: boolean
  readonly filled: boolean
}

/** Each column of each table, by "table.column". */
async function columnsOf(sql: Sql): Promise<Map<string, Column>> {
  const rows = await sql`select table_name, column_name, data_type, is_nullable = 'YES' as nullable,
      column_default is not null or is_identity = 'YES' or is_generated = 'ALWAYS' as filled
    from information_schema.columns where table_schema = 'public'`
  return new Map(
    rows.map(({ table_name, column_name, data_type, nullable, filled }) => [
      `${table_name}.${column_name}`,
      { type: data_type, nullable, filled },
    ]),
  )
}

t.test('migrations add and take nothing away: statements of 0.1.0 go on', async (t) => {
  const { url, sql } = await oldDatabase(t)
  const before = await columnsOf(sql)
  await migrateDatabase(url)
  const after = await columnsOf(sql)
  const tables = new Set([...before.keys()].map((name) => name.split('.')[0]))
  for (const [name, { type, nullable }] of before) {
    const now = after.get(name)
    t.equal(now?.type, type, `${name} is still there, of the same type`)
    if (nullable) t.ok(now?.nullable, `${name} may still be left out`)
  }
  for (const [name, { nullable, filled }] of after)
    if (!before.has(name) && tables.has(name.split('.')[0]))
      t.ok(nullable || filled, `${name} is filled where a statement does not name it`)
  await migrateDatabase(url)
  t.same(await columnsOf(sql), after, 'a second start changes nothing')
})
