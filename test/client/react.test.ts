// @sallyport/react as somebody else installs it: packed with its client, installed into an empty project, compiled there, rendered
// on a server, and as small as it promises.
import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import t from 'tap'
import { ar } from '../../openapi/react/src/texts/ar.ts'
import { en } from '../../openapi/react/src/texts/en.ts'
import { packageRoot } from '../../src/package.ts'
import { react19 } from '../support/react-page.ts'

const run = promisify(execFile)
const folder = await mkdtemp(join(tmpdir(), 'sallyport-react-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))
const npm = (cwd: string, ...words: string[]) =>
  run('npm', [...words, '--ignore-scripts', '--offline', '--no-audit', '--loglevel=error'], { cwd })
const packages = ['client', 'react', 'react-native'].map((name) => `@sallyport/${name}`)
const manifestOf = async (name: string) =>
  JSON.parse(await readFile(join(folder, 'node_modules', name, 'package.json'), 'utf8'))

/** Renders on a server, where there is no window, with what the server knows of the session. */
const server = `import { createClient } from '@sallyport/client'
import { AccountPage, SallyportProvider, SignedIn, SignedOut, SignIn, SignUp, UserButton } from '@sallyport/react'
import { ar } from '@sallyport/react/texts/ar'
import { renderToString } from 'react-dom/server'

const client = createClient({ baseUrl: 'http://127.0.0.1:1', fetch: () => { throw new Error('A server asks nothing.') } })
const user = { uuid: '1', email: 'ada@example.com', display_name: 'Ada' }
const page = (initialSession, texts) => renderToString(
  <SallyportProvider client={client} initialSession={initialSession} texts={texts}>
    <SignedIn><UserButton /><AccountPage /></SignedIn>
    <SignedOut><SignIn /><SignUp>You accept the <a href="/terms">terms</a>.</SignUp></SignedOut>
  </SallyportProvider>)
console.log(JSON.stringify([page(undefined), page(null), page({ user }), page(null, ar)]))
`

t.before(async () => {
  // Built by the test runner already; nothing is written where other tests read.
  await npm(packageRoot, 'pack', ...packages.map((name) => `-w=${name}`), '--pack-destination', folder)
  const tarballs = (await readdir(folder)).filter((name) => name.endsWith('.tgz'))
  await writeFile(join(folder, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }')
  // React is not fetched from the network, but linked from the repository.
  await npm(folder, 'install', '--legacy-peer-deps', ...tarballs.map((name) => join(folder, name)))
  for (const name of ['@types', 'csstype'])
    await symlink(join(packageRoot, 'node_modules', name), join(folder, 'node_modules', name))
})

t.test('each package has its files, its license, and nothing to install but its peers', async (t) => {
  for (const name of packages) {
    const manifest = await manifestOf(name)
    t.same([manifest.type, manifest.license], ['module', 'Apache-2.0'], name)
    t.notOk(manifest.dependencies, `${name} has no dependency`)
    const files = await readdir(join(folder, 'node_modules', name))
    const own = name === '@sallyport/react' ? ['styles.css'] : []
    t.same(files.sort(), ['LICENSE', 'README.md', 'dist', 'package.json', ...own].sort(), name)
    const readme = await readFile(join(folder, 'node_modules', name, 'README.md'), 'utf8')
    if (name !== '@sallyport/client') t.ok(readme.split('\n').length <= 75, `${name}: a README of one screen`)
  }
  t.same(Object.keys((await manifestOf('@sallyport/react')).peerDependencies), ['@sallyport/client', 'react'])
  t.same(Object.keys((await manifestOf('@sallyport/react-native')).peerDependencies), ['@sallyport/client'])
  const entry = await readFile(join(folder, 'node_modules/@sallyport/react/dist/react.js'), 'utf8')
  t.match(entry, /^'use client'/, "Next.js' App Router takes it for a client module")
})

t.test('an application and the page of the document compile strictly', async (t) => {
  await copyFile(join(packageRoot, 'test/fixtures/react/app.tsx'), join(folder, 'app.tsx'))
  const document = await readFile(join(packageRoot, 'docs/integrate.md'), 'utf8')
  const [, page = ''] = /^```tsx\n([\s\S]*?)^```$/m.exec(document.slice(document.indexOf('## React'))) ?? []
  const lines = page.split('\n').filter((line) => line.trim() !== '')
  t.ok(lines.length > 5 && lines.length <= 15, `the page of docs/integrate.md has ${lines.length} lines`)
  // A bundler's own type for style sheets.
  await writeFile(join(folder, 'styles.d.ts'), `declare module '*.css'`)
  await writeFile(join(folder, 'document.tsx'), page)
  const tsc = join(packageRoot, 'node_modules/typescript/bin/tsc')
  const words = `app.tsx document.tsx styles.d.ts --strict --exactOptionalPropertyTypes --noEmit --jsx react-jsx --target es2022
    --module esnext --moduleResolution bundler --types react --types react-dom`
  const { stdout } = await run(process.execPath, [tsc, ...words.split(/\s+/)], { cwd: folder }).catch(
    (error) => error,
  )
  t.equal(stdout, '')
})

for (const version of [18, 19])
  t.test(`React ${version} renders it on a server, without a window`, async (t) => {
    const outfile = join(folder, `server-${version}.mjs`)
    await build({
      stdin: { contents: server, loader: 'jsx', resolveDir: folder },
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      jsx: 'automatic',
      nodePaths: [join(packageRoot, 'node_modules')],
      banner: {
        js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`,
      },
      logLevel: 'error',
      ...(version === 19 ? { alias: react19 } : {}),
    })
    const { stdout, stderr } = await run(process.execPath, [outfile])
    t.equal(stderr, '')
    const [unknown, signedOut, signedIn, arabic] = JSON.parse(stdout)
    t.equal(unknown, '', 'nothing is said that a browser would have to take back')
    t.match(signedOut, /<form[^>]*>.*Sign in/)
    t.match(signedOut, /<p class="sp-hint">You accept the <a href="\/terms">terms<\/a>\.<\/p><button/)
    t.match(signedIn, /Your account: Ada.*<h1>Account<\/h1>/)
    t.match(arabic, /lang="ar" dir="rtl".*تسجيل الدخول/)
  })

t.test('all of it is under 20 KB gzipped, and what is not used is left out', async (t) => {
  const sizeOf = async (contents: string) => {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: folder },
      write: false,
      bundle: true,
      minify: true,
      format: 'esm',
      external: ['react', 'react/jsx-runtime', '@sallyport/client'],
      logLevel: 'error',
    })
    return gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length
  }
  const whole = await sizeOf(`export * from '@sallyport/react'`)
  t.ok(whole < 20 * 1024, `${whole} bytes`)
  const hooks = await sizeOf(`export { SallyportProvider, useUser } from '@sallyport/react'`)
  t.ok(hooks < whole / 2, `${hooks} bytes for the provider and a hook`)
})

t.test('the languages have the same texts, with the same places to fill', async (t) => {
  const placesOf = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort()
  for (const [name, text] of Object.entries(en)) {
    const other = ar[name as keyof typeof ar]
    if (typeof text === 'string') t.same(placesOf(String(other)), placesOf(text), name)
  }
  const missing = Object.keys(en.errors).filter((code) => !ar.errors[code])
  t.same(missing, [], 'every error that has an English text has an Arabic one')
})
