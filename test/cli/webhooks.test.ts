// npx . webhooks, events, listen: real processes beside a running service, as an operator types them.
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/package.ts'
import { startTestApp, testSecretKey } from '../support/app.ts'
import { runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { programs } from '../support/programs.ts'

const app = await startTestApp(t, { policy: { webhooks: { allow_private_network: true } } })
const env = {
  DATA_DIR: join(t.testdir(), 'data'),
  DATABASE_URL: app.databaseUrl,
  SECRET_KEY: testSecretKey,
}
const sallyport = (...words: string[]) => runCommand(words, env)
const webhooks = (verb: string, ...words: string[]) =>
  sallyport('webhooks', verb, '--project', app.projectId, ...words)

async function receiver(t: Test, status = 200) {
  const received: { headers: Record<string, string>; body: string }[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (part) => {
      body += part
    })
    request.on('end', () => {
      received.push({ headers: request.headers as Record<string, string>, body })
      response.writeHead(status).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  t.teardown(() => server.closeAllConnections())
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` }
}

t.test('a webhook is made, tested, disabled, enabled and removed', async (t) => {
  const hook = await receiver(t)
  const created = await webhooks(
    'create',
    '--url',
    hook.url,
    '--types',
    'user.created, user.deleted',
    '--json',
  )
  t.same([created.code, created.err], [0, ''])
  const { id, secret, types } = JSON.parse(created.out)
  t.same(types, ['user.created', 'user.deleted'])
  t.match((await webhooks('list')).out, `${id}  ${hook.url}\n  user.created user.deleted; well`)
  t.match((await webhooks('test', '--id', id)).out, /^Queued/)
  await eventually('the test', async () => hook.received.length === 1)
  const [first] = hook.received
  t.match(new Webhook(secret).verify(first?.body ?? '', first?.headers ?? {}), { type: 'webhook.test' })
  const listed = await eventually('it is marked', async () => {
    const [delivery] = JSON.parse((await webhooks('deliveries', '--id', id, '--json')).out)
    return delivery.state === 'sent' && delivery
  })
  t.match(listed, { type: 'webhook.test', attempts: 1, last_status: 200, id: /^msg_/ })
  const rotated = JSON.parse((await webhooks('rotate-secret', '--id', id, '--json')).out)
  t.not(rotated.secret, secret)
  t.match((await webhooks('disable', '--id', id)).out, /disabled/)
  t.match((await webhooks('enable', '--id', id)).out, /well/)
  t.match((await webhooks('retry-dead', '--id', id)).out, 'Due now: 0.')
  t.match((await webhooks('delete', '--id', id)).out, `Deleted: ${id}.`)
  const gone = await webhooks('test', '--id', id)
  t.same([gone.code, gone.out], [1, ''])
  t.match(gone.err, /no webhook with this id/)
})

t.test('what cannot be is refused in a sentence', async (t) => {
  const refused = async (words: readonly string[], sentence: RegExp) => {
    const { code, err } = await webhooks('create', ...words)
    t.not(code, 0, words.join(' '))
    t.match(err, sentence)
  }
  await refused(['--url', 'http://example.com/'], /https address/)
  await refused(['--url', 'https://169.254.169.254/'], /https address/)
  await refused(
    ['--url', 'https://example.com/', '--types', 'user.created,user.gone'],
    /there is no event user\.gone/,
  )
  await refused(['--url', 'https://example.com/', '--types', ''], /--types must not be empty/)
  await refused([], /--url/)
  const shifted = await sallyport('webhooks', 'list', '--project', '--limit', '0')
  t.match(shifted, { code: 2, err: /--project needs a value: the id of a project/ })
  const elsewhere = await sallyport(
    'listen',
    '--project',
    app.projectId,
    '--forward-to',
    'http://example.com/',
  )
  t.match(elsewhere.err, /on this machine/)
  t.not(elsewhere.code, 0)
})

t.test('events are listed, and forwarded to a program on this machine until it is stopped', async (t) => {
  const hook = await receiver(t)
  const words = ['listen', '--project', app.projectId, '--forward-to', hook.url]
  const child = spawn(process.execPath, [programs.command, ...words], {
    cwd: packageRoot,
    env: { PATH: process.env.PATH, ...env },
  })
  t.teardown(() => child.kill('SIGKILL'))
  let out = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  await eventually('it listens', async () => out.includes('Secret for this run'), 60_000)
  const { uuid } = (await app.signUp()).body.user
  await eventually('both events', async () => hook.received.length === 2)
  const [, secret = ''] = /whsec_\S+/.exec(out)?.[0].match(/(whsec_\S+)/) ?? []
  for (const { headers, body } of hook.received)
    t.match(new Webhook(secret).verify(body, headers), { subject: uuid, project_id: app.projectId })
  await eventually('it says so', async () => /user\.created .* 200\n/.test(out))
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGINT')
  t.equal(await ended, 0)
  const listed = JSON.parse(
    (await sallyport('events', 'list', '--project', app.projectId, '--limit', '1000', '--json')).out,
  )
  const mine = listed.filter(({ subject }: { subject: string }) => subject === uuid)
  t.same(
    mine.map(({ type }: { type: string }) => type),
    ['user.created', 'session.created'],
  )
  const after = mine[0].position
  const rest = await sallyport('events', 'list', '--project', app.projectId, '--after', String(after))
  t.match(rest.out, `${after + 1}  `)
  t.notMatch(rest.out, `user.created            ${uuid}`)
})
