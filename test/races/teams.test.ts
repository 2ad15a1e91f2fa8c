// Teams under contention: an ADMIN is always left, an invitation lets in once, limits hold, and nothing is half done.
import t from 'tap'
import { type Answer, startTestApp } from '../support/app.ts'
import { type Person, teamsOf } from '../support/teams.ts'

const app = await startTestApp(t, {
  policy: { teams: { max_per_user: 5, max_members: 6, max_invitations: 3 } },
})
const { as, person, team, add, invitationMail } = teamsOf(app)
const people = (count: number) => Promise.all(Array.from({ length: count }, () => person()))
const tally = (answers: Answer[]) => {
  const counts: Record<string, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}
const rolesIn = async (id: string): Promise<string[]> =>
  (await app.sql`select role from team_members where team_id = ${id}`).map(({ role }) => role)

/** A team whose ADMINs are all of these, and the first of them. */
async function teamOf(admins: Person[]): Promise<string> {
  const [first, ...others] = admins as [Person, ...Person[]]
  const id = await team(first)
  for (const other of others) await add(first, id, other, 'ADMIN')
  return id
}

t.test('two ADMINs who leave at the same moment leave one', async (t) => {
  for (let round = 0; round < 6; round++) {
    const admins = await people(2)
    const id = await teamOf(admins)
    const answers = await Promise.all(
      admins.map((who) => as(who, 'DELETE', `/teams/${id}/members/${who.uuid}`)),
    )
    t.same(tally(answers), { 204: 1, 409: 1 })
    t.same(await rolesIn(id), ['ADMIN'])
  }
})

t.test('ADMINs who leave, demote and remove each other at once leave one ADMIN', async (t) => {
  for (let round = 0; round < 6; round++) {
    const [ada, bob, eve] = (await people(3)) as [Person, Person, Person]
    const id = await teamOf([ada, bob, eve])
    const answers = await Promise.all([
      as(ada, 'DELETE', `/teams/${id}/members/${ada.uuid}`),
      as(bob, 'PATCH', `/teams/${id}/members/${bob.uuid}`, { role: 'VIEWER' }),
      as(eve, 'DELETE', `/teams/${id}/members/${bob.uuid}`),
      as(ada, 'DELETE', `/teams/${id}/members/${eve.uuid}`),
      as(bob, 'PATCH', `/teams/${id}/members/${ada.uuid}`, { role: 'BUILDER' }),
    ])
    for (const { status } of answers) t.ok([200, 204, 403, 404, 409].includes(status), String(status))
    t.ok((await rolesIn(id)).includes('ADMIN'))
  }
})

t.test('ADMINs who delete their accounts at once leave a member an ADMIN', async (t) => {
  for (let round = 0; round < 6; round++) {
    const [ada, bob, eve] = (await people(3)) as [Person, Person, Person]
    const id = await teamOf([ada, bob])
    await add(ada, id, eve, 'VIEWER')
    const answers = await Promise.all([
      as(ada, 'DELETE', '/me', { current_password: ada.password }),
      round % 2
        ? as(bob, 'DELETE', `/teams/${id}/members/${bob.uuid}`)
        : as(bob, 'DELETE', '/me', { current_password: bob.password }),
    ])
    t.same(tally(answers), { 204: 1, 409: 1 })
    t.same((await rolesIn(id)).sort(), ['ADMIN', 'VIEWER'])
  }
})

t.test('the last two accounts of a team that go at once take it along', async (t) => {
  for (let round = 0; round < 4; round++) {
    const admins = await people(2)
    const id = await teamOf(admins)
    const answers = await Promise.all(
      admins.map((who) => as(who, 'DELETE', '/me', { current_password: who.password })),
    )
    t.same(tally(answers), { 204: 2 })
    t.same(await app.sql`select 1 from teams where id = ${id}`, [])
  }
})

t.test('an account that is deleted while it is promoted leaves no team without an ADMIN', async (t) => {
  for (let round = 0; round < 6; round++) {
    const [ada, bob, eve] = (await people(3)) as [Person, Person, Person]
    const id = await team(ada)
    await add(ada, id, bob, 'BUILDER')
    await add(ada, id, eve, 'VIEWER')
    const hand = async () => {
      await as(ada, 'PATCH', `/teams/${id}/members/${bob.uuid}`, { role: 'ADMIN' })
      return as(ada, 'DELETE', `/teams/${id}/members/${ada.uuid}`)
    }
    const [left, gone] = await Promise.all([
      hand(),
      as(bob, 'DELETE', '/me', { current_password: bob.password }),
    ])
    t.same(left.status === 204 && gone.status === 204, false, `${left.status} ${gone.status}`)
    t.ok((await rolesIn(id)).includes('ADMIN'))
  }
})

t.test('one invitation accepted eight times at once lets in once', async (t) => {
  const [ada, bob] = (await people(2)) as [Person, Person]
  const id = await team(ada)
  await as(ada, 'POST', `/teams/${id}/invitations`, { email: bob.email, role: 'BUILDER' })
  const { token } = await invitationMail(bob.email)
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => as(bob, 'POST', '/team-invitations/accept', { token })),
  )
  t.same(tally(answers), { 200: 1, 422: 7 })
  t.same((await rolesIn(id)).sort(), ['ADMIN', 'BUILDER'])
  const [row] = await app.sql`select count(*)::int as joined from audit_events
    where event = 'team_joined' and user_id = ${bob.body.user.id}`
  t.equal(row?.joined, 1)
})

t.test('an invitation that is revoked while it is accepted does one of the two', async (t) => {
  for (let round = 0; round < 6; round++) {
    const [ada, bob] = (await people(2)) as [Person, Person]
    const id = await team(ada)
    const sent = await as(ada, 'POST', `/teams/${id}/invitations`, { email: bob.email, role: 'BUILDER' })
    const { token } = await invitationMail(bob.email)
    const [accepted, revoked] = await Promise.all([
      as(bob, 'POST', '/team-invitations/accept', { token }),
      as(ada, 'DELETE', `/teams/${id}/invitations/${sent.body.invitation.id}`),
    ])
    t.ok(
      (accepted.status === 200 && revoked.status === 404) ||
        (accepted.status === 422 && revoked.status === 204),
      `${accepted.status} ${revoked.status}`,
    )
    t.equal((await rolesIn(id)).length, accepted.status === 200 ? 2 : 1)
  }
})

t.test('a team that is deleted while somebody joins is gone, and nobody is in it', async (t) => {
  for (let round = 0; round < 6; round++) {
    const [ada, bob] = (await people(2)) as [Person, Person]
    const id = await team(ada)
    await as(ada, 'POST', `/teams/${id}/invitations`, { email: bob.email, role: 'BUILDER' })
    const { token } = await invitationMail(bob.email)
    const [joined, gone] = await Promise.all([
      as(bob, 'POST', '/team-invitations/accept', { token }),
      as(ada, 'DELETE', `/teams/${id}`),
    ])
    t.equal(gone.status, 204)
    t.ok([200, 422].includes(joined.status), String(joined.status))
    t.same(await rolesIn(id), [])
    t.same((await as(bob, 'GET', '/teams')).body, { data: [] })
  }
})

t.test('limits hold for requests that meet', async (t) => {
  const ada = await person()
  const made = await Promise.all(
    Array.from({ length: 12 }, (_, index) => as(ada, 'POST', '/teams', { name: `Team ${index}` })),
  )
  t.same(tally(made), { 201: 5, 409: 7 })
  const id = made.find(({ status }) => status === 201)?.body.id
  const added = await Promise.all((await people(9)).map((who) => add(ada, id, who, 'VIEWER')))
  t.same(tally(added), { 201: 5, 409: 4 })
  const invited = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      as(ada, 'POST', `/teams/${id}/invitations`, { email: `limit-${index}@example.com`, role: 'VIEWER' }),
    ),
  )
  t.same(tally(invited), { 202: 3, 409: 5 })
})

t.test('one account added to many teams at once is in no more than it may', async (t) => {
  const bob = await person()
  const admins = await people(8)
  const ids = await Promise.all(admins.map((who) => team(who)))
  const answers = await Promise.all(admins.map((who, index) => add(who, ids[index] ?? '', bob, 'VIEWER')))
  t.same(tally(answers), { 201: 5, 409: 3 })
  t.equal((await as(bob, 'GET', '/teams')).body.data.length, 5)
})
