// A file of variables for service and commands, and a profile for development that nobody else can reach.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ConfigError, readConfig } from '../../src/config/config.ts'
import { startTestApp, testSecretKey } from '../support/app.ts'
import { runCommand } from '../support/command.ts'

const folder = mkdtempSync(join(tmpdir(), 'sallyport-env-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

t.test('a command needs no HOME that can be written to', async (t) => {
  const app = await startTestApp(t)
  const env = { DATABASE_URL: app.databaseUrl, SECRET_KEY: testSecretKey, DATA_DIR: app.dataDir }
  for (const HOME of ['/proc/none', '/dev/null', '']) {
    const { code, out, err } = await runCommand(['projects', 'list', '--json'], { ...env, HOME })
    t.same([code, err], [0, ''], HOME)
    t.match(out, app.projectId)
  }
})

t.test('ENV_FILE is read by commands; what is set already stays', async (t) => {
  const app = await startTestApp(t)
  const file = join(folder, 'service.env')
  writeFileSync(
    file,
    `# a comment\nDATABASE_URL="${app.databaseUrl}"\nSECRET_KEY='${testSecretKey}'\nLOG_LEVEL=loud\n`,
  )
  const refused = await runCommand(['projects', 'list'], { ENV_FILE: file })
  t.match(refused, { code: 78, err: /LOG_LEVEL must be/ }, 'its values are looked at')
  const listed = await runCommand(['projects', 'list', '--json'], { ENV_FILE: file, LOG_LEVEL: 'info' })
  t.equal(listed.code, 0, listed.err)
  t.match(listed.out, new RegExp(app.projectId))
  const binary = join(folder, 'binary')
  writeFileSync(binary, Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0xff, 0xfe, 10]))
  for (const wrong of [join(folder, 'nothing'), folder, binary])
    t.match(await runCommand(['projects', 'list'], { ENV_FILE: wrong }), {
      code: 78,
      err: /ENV_FILE must be a file of lines.*\((?:ENOENT|EISDIR|no list of variables)\)/,
    })
})

t.test('LIMITS=off: no request is too many, on this machine alone', async (t) => {
  const policy = {
    limits: { read: { max: 2, window_seconds: 60 }, credential: { max: 1, window_seconds: 900 } },
  }
  const limited = await startTestApp(t, { policy })
  const free = await startTestApp(t, { policy, env: { LIMITS: 'off' } })
  const asked = async (app: typeof free) => {
    const statuses = new Set<number>()
    for (let turn = 0; turn < 8; turn++) statuses.add((await app.api('GET', '/me')).status)
    return [...statuses]
  }
  t.same(await asked(limited), [401, 429])
  t.same(await asked(free), [401])
  const problems = (environment: Record<string, string>) => {
    try {
      readConfig({ LIMITS: 'off', ...environment })
      return []
    } catch (error) {
      if (error instanceof ConfigError) return error.problems
      throw error
    }
  }
  t.same(problems({}), [])
  for (const HOST of ['localhost', '127.0.0.5', '::1']) t.same(problems({ HOST }), [], HOST)
  for (const environment of [
    { HOST: '0.0.0.0' },
    { HOST: '::' },
    { HOST: '10.0.0.1' },
    { PUBLIC_URL: 'https://auth.example.com' },
  ])
    t.match(
      problems(environment as Record<string, string>),
      [/^LIMITS must not be off/],
      JSON.stringify(environment),
    )
})
