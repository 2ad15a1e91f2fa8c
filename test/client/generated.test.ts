// The SDK is derived from the document: its types regenerate to the same bytes, it compiles against them, and its size and
// dependencies are those that its README promises.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import openapiTS, { astToString, COMMENT_HEADER } from 'openapi-typescript'
import t from 'tap'
import ts from 'typescript'
import { generateDocuments } from '../../src/http/generate.ts'
import { packageRoot } from '../../src/package.ts'

const folder = join(packageRoot, 'openapi/client')
const sources = readdirSync(join(folder, 'src')).map((name) => join(folder, 'src', name))

t.test('the types regenerate to the same bytes', async (t) => {
  const documents = await generateDocuments()
  for (const [name, file] of [
    ['auth.json', 'schema.ts'],
    ['admin.json', 'admin-schema.ts'],
  ] as const) {
    const text = `${COMMENT_HEADER}${astToString(await openapiTS(documents[name] ?? ''))}`
    const committed = readFileSync(join(folder, 'src', file), 'utf8')
    t.ok(committed === text, `openapi/client/src/${file} (if not: npm run openapi, and read the difference)`)
  }
})

t.test('the SDK compiles against these types, without the types of Node', async (t) => {
  const { config } = ts.readConfigFile(join(folder, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, folder)
  const program = ts.createProgram(sources, { ...options, noEmit: true })
  t.same(
    ts
      .getPreEmitDiagnostics(program)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
    [],
  )
})

t.test('every operation for users has a method', async (t) => {
  const client = ['client.ts', 'passkeys.ts', 'sessions.ts']
    .map((name) => readFileSync(join(folder, 'src', name), 'utf8'))
    .join('')
  const { 'auth.json': document = '{}' } = await generateDocuments()
  const { paths } = JSON.parse(document) as { paths: Record<string, Record<string, unknown>> }
  const missing = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item)
      .filter((verb) => path.startsWith('/api/auth/') && !client.includes(`'${path}'`) && verb !== 'options')
      .map((verb) => `${verb} ${path}`),
  )
  t.same(missing.sort(), [
    // An image is loaded by its URL, the provider redirects to the callback, and introspection is for back ends.
    'get /api/auth/avatars/{id}',
    'get /api/auth/login/social/{provider}/callback',
    'post /api/auth/introspect',
  ])
})

t.test('the whole core is under 8 KB gzipped, as it is shipped', async (t) => {
  const dist = join(folder, 'dist')
  const onDemand = ['passkeys.js', 'redirect.js', 'admin.js', 'admin-schema.js']
  const shipped = readdirSync(dist).filter((name) => name.endsWith('.js') && !onDemand.includes(name))
  for (const name of shipped)
    t.notMatch(
      readFileSync(join(dist, name), 'utf8'),
      /from '\.\/(?:passkeys|redirect|admin)\.js'/,
      `${name} loads no passkeys, no redirects and no admin API`,
    )
  t.ok(shipped.includes('client.js'))
  const bytes = gzipSync(Buffer.concat(shipped.map((name) => readFileSync(join(dist, name)))), {
    level: 9,
  }).length
  t.ok(bytes < 8 * 1024, `${bytes} bytes`)
})

t.test('the SDK depends on nothing, and imports only itself', async (t) => {
  const { dependencies, peerDependencies, optionalDependencies } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  )
  t.same([dependencies, peerDependencies, optionalDependencies], [undefined, undefined, undefined])
  for (const file of sources)
    for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles)
      t.match(fileName, /^\.\/[\w-]+\.js$/, file)
})
