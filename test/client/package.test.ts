// The package as somebody else installs it: packed, installed into an empty project, compiled there, and signing in.
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { packageRoot } from '../../src/package.ts'
import { startTestApp } from '../support/app.ts'

const run = promisify(execFile)

const program = `import { AuthenticationError, createClient, type Session, ValidationError } from '@sallyport/client'

const [baseUrl, projectId] = process.argv.slice(2) as [string, string]
const client = createClient({ baseUrl, projectId, projectUserAuth: { autoRefresh: true } })
const email = 'ada@example.com'
const password = 'correct horse battery'
client.onAuthStateChange((event, session) => console.log(event, session?.user.email ?? null))

try {
  await client.signUp({ email, password: 'short' })
} catch (error) {
  if (!(error instanceof ValidationError)) throw error
  console.log(Object.keys(error.details).join())
}
const made = await client.signUp({ email, password, display_name: 'Ada' })
if ('verification_required' in made) throw new Error(made.message)
const { user } = await client.me()
const name: string | null = user.display_name
const session: Session | null = await client.getSession()
console.log(name, session?.expires_in)
await client.signOut()
// @ts-expect-error: a body is checked
const wrong = () => client.signInWithPassword({ email })
await client.signInWithPassword({ email, password: 'wrong' }).catch((error) => {
  if (error instanceof AuthenticationError) console.log(error.code)
})
await client.signInWithPassword({ email, password })
console.log(typeof wrong)
`

t.test('npm pack, npm install, tsc as bundlers and as Node resolve, and a sign-in', async (t) => {
  const app = await startTestApp(t)
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-sdk-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const npm = (cwd: string, ...words: string[]) =>
    run('npm', [...words, '--ignore-scripts', '--offline', '--no-audit', '--loglevel=error'], { cwd })
  // Built by the test runner already; nothing is written where other tests read.
  await npm(join(packageRoot, 'openapi/client'), 'pack', '--pack-destination', folder)
  const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'))
  await writeFile(join(folder, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }')
  await npm(folder, 'install', join(folder, tarball))
  const installed = join(folder, 'node_modules/@sallyport/client')
  t.same((await readdir(installed)).sort(), ['LICENSE', 'README.md', 'dist', 'package.json'])
  t.match(await readFile(join(installed, 'package.json'), 'utf8'), /"type": "module"/)
  await symlink(join(packageRoot, 'node_modules/@types'), join(folder, 'node_modules/@types'))
  await writeFile(join(folder, 'main.ts'), program)

  const tsc = join(packageRoot, 'node_modules/typescript/bin/tsc')
  const common = [
    'main.ts',
    '--strict',
    '--exactOptionalPropertyTypes',
    '--target',
    'es2022',
    '--types',
    'node',
  ]
  for (const [module, resolution] of [
    ['esnext', 'bundler'],
    ['node16', 'node16'],
  ] as const) {
    const { stdout } = await run(
      process.execPath,
      [tsc, ...common, '--module', module, '--moduleResolution', resolution],
      { cwd: folder },
    ).catch((error) => error)
    t.equal(stdout, '', resolution)
  }
  const { stdout } = await run(process.execPath, ['main.js', app.url, app.projectId], { cwd: folder })
  t.same(stdout.trim().split('\n'), [
    'password',
    'signed_in ada@example.com',
    'Ada 900',
    'signed_out null',
    'invalid_credentials',
    'signed_in ada@example.com',
    'function',
  ])
})
