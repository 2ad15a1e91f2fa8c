// npx . operators …, beside a running service.
import t from 'tap'
import { operatorsProjectId } from '../../src/domain/projects/operators-project.ts'
import { startTestApp, testSecretKey } from '../support/app.ts'
import { runCommand } from '../support/command.ts'
import { adminWith } from '../support/operators.ts'

const app = await startTestApp(t)
const env = { DATABASE_URL: app.databaseUrl, DATA_DIR: app.dataDir, SECRET_KEY: testSecretKey }
const operators = (...words: string[]) => runCommand(['operators', ...words], env)
const json = async (...words: string[]) => {
  const { code, out, err } = await operators(...words, '--json')
  if (code !== 0) throw new Error(err)
  return JSON.parse(out)
}

t.test('operators are created with a link, listed, changed and removed', async (t) => {
  const { code, out } = await operators('create', 'root@example.com', '--role', 'owner')
  t.equal(code, 0)
  t.match(out, /owner of all/)
  const token = /\/operators\/setup#(sos_\S+)/.exec(out)?.[1]
  const body = { token, password: 'chosen by an operator' }
  t.equal((await app.send('POST', '/api/admin/setup', { body })).status, 200, 'the link works')

  const made = await json('create', 'sam@example.com', '--role', 'support', '--project', app.projectId)
  t.match(made.setup_url, /#sos_/)
  t.same(made.roles, [{ role: 'support', scope: app.projectId }])
  const again = await json('create', 'sam@example.com', '--role', 'viewer', '--project', app.projectId)
  t.same(again.roles, [{ role: 'viewer', scope: app.projectId }])
  t.not(again.setup_url, made.setup_url)
  t.same(
    (await json('list')).map(({ email }: { email: string }) => email),
    ['root@example.com', 'sam@example.com'],
  )
  t.match((await operators('list')).out, /sam@example\.com {2}viewer of/)
  const changed = await json('set-role', 'sam@example.com', '--role', 'auditor')
  t.equal(changed.roles.length, 2)
  t.same((await json('remove', 'sam@example.com', '--project', app.projectId)).roles, [
    { role: 'auditor', scope: null },
  ])
  t.same((await json('remove', 'sam@example.com')).roles, [])
  t.match((await operators('remove', 'sam@example.com')).err, /no such role/)
})

t.test('the last owner cannot be removed by the command line either', async (t) => {
  for (const words of [
    ['operators', 'remove', 'root@example.com'],
    ['operators', 'set-role', 'root@example.com', '--role', 'viewer'],
    ['users', 'delete', '--project', operatorsProjectId, '--email', 'root@example.com'],
    ['users', 'disable', '--project', operatorsProjectId, '--email', 'root@example.com', '--force'],
  ]) {
    const { code, err } = await runCommand(words, env)
    t.equal(code, 1, words.join(' '))
    t.match(err, /last owner/)
  }
  await operators('create', 'second@example.com', '--role', 'owner')
  t.equal((await operators('remove', 'root@example.com')).code, 0)
})

t.test('keys are created, listed and revoked', async (t) => {
  const { key, id } = await json('keys', 'create', '--name', 'Export', '--role', 'viewer', '--days', '2')
  const admin = adminWith(app, { authorization: `Bearer ${key}` })
  t.equal((await admin('GET', '/projects')).status, 200)
  t.same(
    (await json('keys', 'list')).map((one: { id: string }) => one.id),
    [id],
  )
  t.notOk((await operators('keys', 'list')).out.includes(key))
  t.ok((await json('keys', 'revoke', id)).revoked_at)
  t.equal((await admin('GET', '/projects')).status, 401)
  t.match((await operators('keys', 'revoke', 'nothing')).err, /no operator key/)
})

t.test('an invalid argument is refused with a message that names it', async (t) => {
  const bare = await operators('create', 'no-address')
  t.match(bare, { code: 2, err: /create needs --role/ }, 'nobody becomes an owner by default')
  t.match((await operators('create', 'no-address', '--role', 'viewer')).err, /e-mail address/)
  t.match(
    (await operators('create', 'a@example.com', '--role', 'god')).err,
    /--role must be one of owner, admin/,
  )
  const scope = ['--project', operatorsProjectId]
  const account = await runCommand(
    ['users', 'create', ...scope, '--email', 'a@example.com', '--role', 'admin'],
    env,
  )
  t.match(account, { code: 1, err: /npx \. operators create EMAIL --role ROLE/ })
  t.match(
    (await operators('create', 'a@example.com', '--role', 'owner', ...scope)).err,
    /must be a project of this installation/,
  )
  t.match(
    (await operators('set-role', 'no@example.com', '--role', 'viewer')).err,
    /no operator with this address/,
  )
})
