// What a stranger's generator makes of our document: it compiles, and signs in. The generator is hey-api's; the one of
// openapi-generator is a Java program and is not run here.
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { packageRoot } from '../../src/package.ts'
import { startTestApp } from '../support/app.ts'

const run = promisify(execFile)
const bin = join(packageRoot, 'node_modules')

const program = `import { client } from './made/client.gen.js'
import { getCurrentUser, refreshSession, signIn, signOut, signUp } from './made/sdk.gen.js'

const [baseUrl = '', projectId = ''] = process.argv.slice(2)
client.setConfig({ baseUrl, headers: { 'project-id': projectId } })
const body = { email: 'ada@example.com', password: 'correct horse battery' }

const made = await signUp({ body })
console.log(made.response.status)
const signedIn = await signIn({ body, throwOnError: true })
const refreshed = await refreshSession({ body: { refresh_token: signedIn.data.refresh_token! }, throwOnError: true })
client.setConfig({ auth: () => refreshed.data.access_token })
const me = await getCurrentUser({ throwOnError: true })
const email: string = me.data.user.email
console.log(email)
const wrong = await signIn({ body: { ...body, password: 'wrong' } })
console.log(wrong.error?.code)
await signOut({ throwOnError: true })
console.log((await getCurrentUser()).error?.code)
`

t.test('a client by @hey-api/openapi-ts compiles, signs in, refreshes and signs out', async (t) => {
  const app = await startTestApp(t)
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-made-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  // As anybody gets it: the document by our command, then the generator.
  const command = ['--import=tsx', 'src/cli/sallyport.ts', 'openapi', '--out', folder]
  await run(process.execPath, command, { cwd: packageRoot })
  t.ok((await readdir(folder)).includes('auth.json'))
  const generator = join(bin, '@hey-api/openapi-ts/bin/index.cjs')
  const words = ['-i', 'auth.json', '-o', 'made', '-c', '@hey-api/client-fetch', '--silent', '--no-log-file']
  await run(process.execPath, [generator, ...words], { cwd: folder })

  await symlink(bin, join(folder, 'node_modules'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await writeFile(join(folder, 'main.ts'), program)
  const options =
    '--strict --target es2022 --module esnext --moduleResolution bundler --types node --outDir out'
  const compiled = await run(
    process.execPath,
    [
      join(bin, 'typescript/bin/tsc'),
      ...options.split(' '),
      'main.ts',
      ...(await sources(join(folder, 'made'))),
    ],
    { cwd: folder },
  ).catch((error) => error)
  t.equal(compiled.stdout, '', 'every file of it compiles')

  const script = ['--import=tsx', 'main.ts', app.url, app.projectId]
  const { stdout } = await run(process.execPath, script, { cwd: folder })
  t.same(stdout.trim().split('\n'), ['201', 'ada@example.com', 'invalid_credentials', 'unauthenticated'])
})

async function sources(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true })
  return names.filter((name) => name.endsWith('.ts')).map((name) => join(folder, name))
}
