// What other people's generators make of our documents: it compiles strictly, and signs in. Those of test/clients run where
// `npm ci --prefix test/clients` has installed them (.ci/run does); hey-api and openapi-typescript are always here. Java and
// .NET generators are not run.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { packageRoot } from '../../src/package.ts'
import { startTestApp } from '../support/app.ts'
import { strangersFolder, strangersMissing } from '../support/strangers.ts'

const run = promisify(execFile)
const bin = join(packageRoot, 'node_modules')
const missing = strangersMissing()
const documents = ['auth', 'nodeloom', 'credebl', 'nora']
const generators = missing
  ? ['hey-api', 'openapi-fetch']
  : (await run(process.execPath, [join(strangersFolder, 'generate.js')])).stdout.trim().split('\n')

const body = `{ email: 'ada@example.com', password: 'correct horse battery' }`

/**
 * Programs that sign up, sign in, refresh, read the user, sign in wrongly and sign out with a made client of the canonical
 * API; each prints the status, the address and the codes that it met.
 */
const programs: Record<string, string> = {
  'hey-api': `import { client } from './hey-api/auth/client.gen.js'
import { getCurrentUser, refreshSession, signIn, signOut, signUp } from './hey-api/auth/sdk.gen.js'

const [baseUrl = '', projectId = ''] = process.argv.slice(2)
client.setConfig({ baseUrl, headers: { 'project-id': projectId } })
const body = ${body}
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
`,

  'openapi-fetch': `import createClient from 'openapi-fetch'
import type { paths } from './openapi-fetch/auth/schema.js'

const [baseUrl = '', projectId = ''] = process.argv.slice(2)
const client = createClient<paths>({ baseUrl, headers: { 'project-id': projectId } })
const body = ${body}
const made = await client.POST('/api/auth/signup', { body })
console.log(made.response.status)
const signedIn = await client.POST('/api/auth/login', { body })
const refresh_token = signedIn.data!.refresh_token!
const refreshed = await client.POST('/api/auth/refresh', { body: { refresh_token } })
const headers = { authorization: 'Bearer ' + refreshed.data!.access_token }
const me = await client.GET('/api/auth/me', { headers })
const email: string = me.data!.user.email
console.log(email)
const wrong = await client.POST('/api/auth/login', { body: { ...body, password: 'wrong' } })
console.log(wrong.error?.code)
await client.POST('/api/auth/logout', { headers })
console.log((await client.GET('/api/auth/me', { headers })).error?.code)
`,

  oazapfts: `import { defaults, getCurrentUser, refreshSession, signIn, signOut, signUp } from './oazapfts/auth/api.js'

const [baseUrl = '', projectId = ''] = process.argv.slice(2)
defaults.baseUrl = baseUrl
const project = { projectId }
const body = ${body}
console.log((await signUp(body, project)).status)
const signedIn = await signIn(body, project)
if (signedIn.status !== 200) throw new Error(signedIn.data.message)
const refreshed = await refreshSession({ refresh_token: signedIn.data.refresh_token! }, project)
if (refreshed.status !== 200) throw new Error(refreshed.data.message)
const options = { headers: { authorization: 'Bearer ' + refreshed.data.access_token } }
const me = await getCurrentUser(project, options)
if (me.status !== 200) throw new Error(me.data.message)
const email: string = me.data.user.email
console.log(email)
const wrong = await signIn({ ...body, password: 'wrong' }, project)
console.log(wrong.status === 200 ? null : wrong.data.code)
await signOut(project, options)
const out = await getCurrentUser(project, options)
console.log(out.status === 200 ? null : out.data.code)
`,

  orval: `import { getCurrentUser, refreshSession, signIn, signOut, signUp } from './orval/auth/api.js'

const [baseUrl = '', projectId = ''] = process.argv.slice(2)
// Its addresses have no host: as on a page of the same origin.
const { fetch } = globalThis
globalThis.fetch = (input, init) => fetch(new URL(String(input), baseUrl), init)
const options = { headers: { 'project-id': projectId } }
const body = ${body}
console.log((await signUp(body, options)).status)
const signedIn = await signIn(body, options)
if (signedIn.status !== 200) throw new Error(signedIn.data.message)
const refreshed = await refreshSession({ refresh_token: signedIn.data.refresh_token! }, options)
if (refreshed.status !== 200) throw new Error(refreshed.data.message)
const own = { headers: { ...options.headers, authorization: 'Bearer ' + refreshed.data.access_token } }
const me = await getCurrentUser(own)
if (me.status !== 200) throw new Error(me.data.message)
const email: string = me.data.user.email
console.log(email)
const wrong = await signIn({ ...body, password: 'wrong' }, options)
console.log(wrong.status === 200 ? null : wrong.data.code)
await signOut(own)
const out = await getCurrentUser(own)
console.log(out.status === 200 ? null : out.data.code)
`,
}
/** Without its own package openapi-fetch has types alone. */
const runnable = Object.keys(programs).filter(
  (name) => generators.includes(name) && !(missing && name !== 'hey-api'),
)

const compilerOptions = {
  strict: true,
  noEmit: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
  ...{
    target: 'es2022',
    lib: ['es2022', 'dom', 'dom.iterable'],
    module: 'esnext',
    moduleResolution: 'bundler',
  },
  types: ['node'],
  typeRoots: [join(bin, '@types')],
}

/** The documents by our command, as everybody gets them, and what each generator makes of them. */
async function generate(folder: string): Promise<void> {
  await run(process.execPath, ['--import=tsx', 'src/cli/sallyport.ts', 'openapi', '--out', folder], {
    cwd: packageRoot,
  })
  const inputs = documents.map((name) => join(folder, `${name}.json`))
  const waiting = [...generators]
  const work = async () => {
    for (let name = waiting.shift(); name; name = waiting.shift())
      await run(process.execPath, [join(strangersFolder, 'generate.js'), name, folder, ...inputs], {
        cwd: folder,
      })
  }
  await Promise.all([work(), work()])
}

if (missing) t.pass('most generators', { skip: missing })

t.test(`clients by ${generators.join(', ')} compile strictly, sign in, refresh and sign out`, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-made-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await symlink(missing ? bin : join(strangersFolder, 'node_modules'), join(folder, 'node_modules'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await generate(folder)
  for (const name of generators)
    for (const document of documents)
      t.ok(existsSync(join(folder, name, document)), `${name} takes ${document}.json`)
  for (const name of runnable) await writeFile(join(folder, `${name}.ts`), programs[name] ?? '')

  const include = [...generators.map((name) => `${name}/**/*.ts`), ...runnable.map((name) => `${name}.ts`)]
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include }))
  const compiled = await run(process.execPath, [join(bin, 'typescript/bin/tsc')], { cwd: folder }).catch(
    (error) => error,
  )
  t.equal(compiled.stdout, '', 'every file of them compiles')
  t.ok((await readdir(folder, { recursive: true })).length > 10)

  const app = await startTestApp(t)
  for (const name of runnable) {
    const { id } = await app.project()
    const script = [`--import=${import.meta.resolve('tsx')}`, `${name}.ts`, app.url, id]
    const { stdout } = await run(process.execPath, script, { cwd: folder })
    t.same(
      stdout.trim().split('\n'),
      ['201', 'ada@example.com', 'invalid_credentials', 'unauthenticated'],
      name,
    )
  }
})
