// npx . teams …: real processes beside a running service, as an operator types them.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { startTestApp, testSecretKey } from '../support/app.ts'
import { runCommand } from '../support/command.ts'
import { teamsOf } from '../support/teams.ts'

const app = await startTestApp(t, { policy: { teams: { max_members: 2 } } })
const { as, person } = teamsOf(app)
const folder = t.testdir()

const sallyport = (words: readonly string[], env: Record<string, string> = {}) =>
  runCommand(words, {
    DATA_DIR: join(folder, 'data'),
    DATABASE_URL: app.databaseUrl,
    SECRET_KEY: testSecretKey,
    ...env,
  })
const teams = (verb: string, ...words: string[]) =>
  sallyport(['teams', verb, '--project', app.projectId, ...words])
const made = async (name: string): Promise<string> =>
  JSON.parse((await teams('create', '--name', name, '--json')).out).id

t.test('create and add-member print what they made, and the running service knows it at once', async (t) => {
  const ada = await person()
  const created = await teams('create', '--name', ' Rockets ', '--json')
  t.same([created.code, created.err], [0, ''])
  const { id } = JSON.parse(created.out)
  t.same(JSON.parse(created.out), { id, name: 'Rockets' })
  const email = ` ${ada.email.toUpperCase()}`
  const added = await teams('add-member', '--team', id, '--email', email, '--role', 'ADMIN', '--json')
  t.same([added.code, added.err], [0, ''])
  t.same(JSON.parse(added.out), { team_id: id, user_uuid: ada.uuid, role: 'ADMIN' })
  t.match((await as(ada, 'GET', '/teams')).body.data, [
    { id, name: 'Rockets', role: 'ADMIN', member_count: 1 },
  ])
})

t.test('list, show, set-role, remove-member and delete, as JSON and in words', async (t) => {
  const [ada, bob] = [await person(), await person()]
  const id = await made('Satellites')
  for (const { email } of [ada, bob])
    await teams('add-member', '--team', id, '--email', email, '--role', 'ADMIN')
  const ranked = await teams('set-role', '--team', id, '--email', bob.email, '--role', 'VIEWER', '--json')
  t.same(JSON.parse(ranked.out), { team_id: id, user_uuid: bob.uuid, role: 'VIEWER' })
  const [listed, shown, inWords] = await Promise.all([
    teams('list', '--json'),
    teams('show', '--team', id, '--json'),
    teams('show', '--team', id.toUpperCase()),
  ])
  t.ok(JSON.parse(listed.out).some((team: { id: string }) => team.id === id))
  t.same(JSON.parse(shown.out), {
    id,
    name: 'Satellites',
    members: [
      { team_id: id, user_uuid: ada.uuid, role: 'ADMIN', email: ada.email },
      { team_id: id, user_uuid: bob.uuid, role: 'VIEWER', email: bob.email },
    ],
  })
  t.match(inWords.out, `${bob.uuid}  VIEWER    ${bob.email}`)
  const removed = await teams('remove-member', '--team', id, '--email', bob.email)
  t.same([removed.code, removed.out], [0, `Removed ${bob.email}.\n`])
  t.same((await as(bob, 'GET', '/teams')).body, { data: [] })
  const gone = await teams('delete', '--team', id, '--json')
  t.same(JSON.parse(gone.out), { id, name: 'Satellites' })
  t.same((await as(ada, 'GET', '/teams')).body, { data: [] })
})

t.test('what cannot be done is told in a sentence, and nothing changes', async (t) => {
  const [ada, bob, eve] = [await person(), await person(), await person()]
  const id = await made('Refusals')
  const add = (email: string, team = id, role = 'ADMIN') =>
    teams('add-member', '--team', team, '--email', email, '--role', role)
  await add(ada.email)
  const other = await app.project()
  const refused = await Promise.all([
    add(ada.email),
    add('nobody@example.com'),
    add(bob.email, randomUUID()),
    add(bob.email, 'rockets'),
    teams('set-role', '--team', id, '--email', ada.email, '--role', 'VIEWER'),
    teams('remove-member', '--team', id, '--email', ada.email),
    teams('remove-member', '--team', id, '--email', bob.email),
    teams('create', '--name', 'x'.repeat(101)),
    sallyport(['teams', 'show', '--project', other.id, '--team', id]),
    sallyport(['teams', 'list', '--project', randomUUID()]),
  ])
  const sentences = [
    /is a member of the team already/,
    /^There is no account with this address/,
    /^There is no team with this id in the project/,
    /"rockets" is not a team id/,
    /^This is the last ADMIN of the team/,
    /^This is the last ADMIN of the team/,
    /^No member of the team has this address/,
    /^A name has 1 to 100 characters/,
    /^There is no team with this id in the project/,
    /^There is no project with this id/,
  ]
  for (const [index, { code, out, err }] of refused.entries()) {
    t.same([code, out], [1, ''], err)
    t.match(err, sentences[index])
    t.notMatch(err, /\n +at /, 'a sentence, not a stack')
  }
  await add(bob.email, id, 'VIEWER')
  t.match((await add(eve.email)).err, /^The team is full/)
  const { body } = await as(ada, 'GET', `/teams/${id}/members`)
  t.same(
    body.data.map(({ user_uuid, role }: { user_uuid: string; role: string }) => [user_uuid, role]),
    [
      [ada.uuid, 'ADMIN'],
      [bob.uuid, 'VIEWER'],
    ],
  )
})

t.test('a command line that makes no sense ends with 2 and the usage, and touches no database', async (t) => {
  const nowhere = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }
  const id = randomUUID()
  const lines = [
    [],
    ['create'],
    ['create', '--project', id],
    ['create', '--project', id, '--name', '  '],
    ['create', '--name', 'x'],
    ['create', '--project', id, '--name', 'x', '--team', id],
    ['add-member', '--project', id, '--team', id, '--email', 'a@example.com'],
    ['add-member', '--project', id, '--team', id, '--email', 'a@example.com', '--role', 'admin'],
    ['show', '--project', id, '--team', id, 'more'],
    ['list', '--project', id, '--colour'],
    ['__proto__'],
  ]
  const ended = await Promise.all(lines.map((words) => sallyport(['teams', ...words], nowhere)))
  for (const [index, { code, out, err }] of ended.entries()) {
    t.equal(code, 2, `${lines[index]?.join(' ')}: ${err.split('\n')[0]}`)
    t.equal(out, '')
    t.match(err, /Usage:/)
  }
  const help = await sallyport(['teams', '--help'], nowhere)
  t.same([help.code, help.err], [0, ''])
  t.match(help.out, 'npx . teams add-member --project ID --team ID --email ADDRESS --role ROLE')
})
