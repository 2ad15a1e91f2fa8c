// Generated files are current: documents, list of routes, table of variables, migrations.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import ajvFormats from 'ajv-formats'
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api'
import Fastify from 'fastify'
import t, { type Test as Tap } from 'tap'
import { tsImport } from 'tsx/esm/api'
import { generatedTables, withTables } from '../src/cli/documentation.ts'
import { generateDocuments } from '../src/http/generate.ts'
import { packageRoot, version } from '../src/package.ts'

type Json = Record<string, unknown>
interface Operation {
  operationId?: string
  summary?: string
  description?: string
  tags?: string[]
  security?: Record<string, string[]>[]
  parameters?: { name: string; in: string; required?: boolean; schema?: Json; description?: string }[]
  requestBody?: { content: Record<string, MediaType> }
  responses: Record<string, Response>
}
interface Response {
  description?: string
  content?: Record<string, MediaType>
}
interface MediaType {
  schema?: Json
  example?: unknown
  examples?: Record<string, { value?: unknown }>
}
interface Document {
  openapi: string
  info: { title: string; version: string; license?: { name: string } }
  servers: { url: string }[]
  tags: { name: string; description?: string }[]
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Json>; securitySchemes: Record<string, Json> }
}

type Test = Pick<typeof t, 'test'>

/**
 * Checks thousands of like things in one assertion, which names those that do not hold.
 * @param check calls `must` with whether each of them holds, and its name
 */
function all(t: Pick<Tap, 'same' | 'ok'>, check: (must: (holds: unknown, name: string) => void) => void) {
  const broken: string[] = []
  let checked = 0
  check((holds, name) => {
    checked++
    if (!holds) broken.push(name)
  })
  t.same(broken, [])
  t.ok(checked > 0, `${checked} were checked`)
}

const generated = await generateDocuments()
const methods = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'])
const routes = (generated['routes.txt'] ?? '')
  .trimEnd()
  .split('\n')
  .map((line) => {
    const [method = '', path = '', access = '', key = '', csrf = '', limit = '', once = '', ...codes] =
      line.split(/ +/)
    return { method, path, access, key, csrf, limit, once, codes }
  })

/** What is below one of these belongs to another document. */
const otherPrefixes = Object.keys(generated)
  .filter((file) => file.endsWith('.json') && file !== 'auth.json')
  .map((file) => (file === 'admin.json' ? '/api/admin/' : `/${file.replace('.json', '')}/`))

/** The codes of a problem: each has an example under its name. */
const codesOf = (response: Response) =>
  Object.keys(response.content?.['application/problem+json']?.examples ?? {})

/** Every value below `value`, with the path that leads to it. */
function* everything(value: unknown, path = '#'): Generator<[path: string, value: unknown]> {
  yield [path, value]
  if (typeof value !== 'object' || value === null) return
  for (const [key, entry] of Object.entries(value))
    yield* everything(entry, `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)
}

t.test('the committed documents regenerate to the same bytes', async (t) => {
  t.same(
    readdirSync(join(packageRoot, 'openapi'))
      .filter((name) => /\.(?:json|txt)$/.test(name))
      .sort(),
    Object.keys(generated).sort(),
  )
  for (const [name, text] of Object.entries(generated)) {
    const committed = readFileSync(join(packageRoot, 'openapi', name), 'utf8')
    t.ok(committed === text, `openapi/${name} (if not: npm run openapi, and read the difference)`)
  }
})

t.test('the tables that follow from the code are current in the documents', async (t) => {
  for (const [file, tables] of Object.entries(generatedTables)) {
    const text = readFileSync(join(packageRoot, 'docs', file), 'utf8')
    t.ok(withTables(text, tables) === text, `docs/${file} (if not: npm run docs)`)
  }
})

t.test('generating twice gives the same bytes', async (t) => {
  const again = await generateDocuments()
  for (const [name, text] of Object.entries(generated)) t.ok(again[name] === text, name)
})

t.test('a document that cannot be made is none: nothing is generated', async (t) => {
  const broken = async () => {
    const server = Fastify()
    server.get('/openapi/auth.json', (_request, reply) => reply.code(500).send({ code: 'internal_error' }))
    return server
  }
  await t.rejects(generateDocuments(broken), /auth\.json cannot be made: .*internal_error/)
})

for (const [file, text] of Object.entries(generated))
  if (file.endsWith('.json')) t.test(file, (t) => examine(t, file, JSON.parse(text) as Document))

async function examine(t: Test, file: string, document: Document): Promise<void> {
  const isCanonical = file === 'auth.json'
  const isAdmin = file === 'admin.json'
  /** Whether its errors are problems of ours. */
  const isOurs = isCanonical || isAdmin
  const [base = ''] = document.servers.map(({ url }) => url.replace(/\/$/, ''))
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => methods.has(method))
      .map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, method, path, operation })),
  )
  const named = routes.filter(({ path }) => {
    if (isAdmin) return path.startsWith('/api/admin/')
    return isCanonical
      ? !otherPrefixes.some((prefix) => path.startsWith(prefix))
      : path.startsWith(`${base}/`)
  })
  /** Where a route stands in the document. */
  const templateOf = (path: string) => path.slice(base.length).replace(/:(\w+)/g, '{$1}')

  function resolve(pointer: string): unknown {
    let at: unknown = document
    for (const part of pointer.slice(2).split('/'))
      at = (at as Json | undefined)?.[decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')]
    return at
  }

  t.test('the document is OpenAPI 3.1', async (t) => {
    t.match(document.openapi, /^3\.1\.\d+$/)
    t.equal(document.info.version, version)
    t.ok(document.info.title)
    t.equal(document.info.license?.name, 'Apache-2.0')
    t.ok(operations.length >= (isCanonical ? 12 : 3), `${operations.length} operations`)
    for (const [path, item] of Object.entries(document.paths)) {
      t.match(path, /^\/(?!.*\/\/)[^?#]*$/)
      t.same(
        Object.keys(item).filter((method) => !methods.has(method)),
        [],
        path,
      )
      const placeholders = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name)
      for (const [method, { parameters = [] }] of Object.entries(item)) {
        const inPath = parameters.filter((parameter) => parameter.in === 'path')
        t.same(inPath.map(({ name }) => name).sort(), placeholders.sort(), `${method} ${path}`)
        t.ok(
          inPath.every(({ required }) => required),
          'parameters of a path are required',
        )
        for (const parameter of parameters) {
          t.ok(['path', 'query', 'header', 'cookie'].includes(parameter.in), parameter.name)
          t.ok(parameter.schema, parameter.name)
        }
      }
    }
  })

  t.test('every schema is JSON Schema 2020-12', async (t) => {
    const ajv = new Ajv2020({ strict: false })
    ajvFormats.default(ajv)
    all(t, (must) => {
      for (const [path, value] of everything(document)) {
        if (!/(?:\/schema|^#\/components\/schemas\/[^/]+)$/.test(path) || typeof value !== 'object') continue
        const isValid = ajv.validateSchema(value as Json)
        must(isValid, isValid ? path : `${path} ${ajv.errorsText()}`)
      }
    })
    // `nullable` is of OpenAPI 3.0 and means nothing here.
    t.same(
      [...everything(document)].filter(([path]) => /\/nullable$/.test(path)).map(([path]) => path),
      [],
    )
  })

  t.test('every reference leads somewhere, and every component is used', async (t) => {
    const references = [...everything(document)].filter(
      (entry): entry is [string, string] => entry[0].endsWith('/$ref') && typeof entry[1] === 'string',
    )
    t.ok(references.length > (isCanonical ? 20 : 5))
    t.same(
      references.filter(([, target]) => !target.startsWith('#/') || resolve(target) === undefined),
      [],
    )
    const used = new Set(references.map(([, target]) => target))
    t.same(
      Object.keys(document.components.schemas).filter((name) => !used.has(`#/components/schemas/${name}`)),
      [],
    )
  })

  t.test('every operation is named once, described, grouped and secured by what exists', async (t) => {
    const ids = operations.map(({ operation }) => operation.operationId)
    t.equal(new Set(ids).size, operations.length)
    const tags = new Set(document.tags.map(({ name }) => name))
    all(t, (must) => {
      for (const { name, operation } of operations) {
        must(/^[a-z][A-Za-z]+$/.test(operation.operationId ?? ''), `${name}: its name`)
        must(operation.summary, `${name}: a summary`)
        must(operation.tags?.length === 1 && tags.has(operation.tags[0] ?? ''), `${name}: one of the tags`)
        must(operation.security?.length, `${name}: says who may call it, be it without credentials`)
        for (const requirement of operation.security ?? [])
          for (const scheme of Object.keys(requirement))
            must(document.components.securitySchemes[scheme], `${name}: ${scheme} is declared`)
      }
    })
    t.same(
      [...tags].filter((tag) => !operations.some(({ operation }) => operation.tags?.includes(tag))),
      [],
      'no tag is empty',
    )
  })

  t.test('every status of the list of routes is documented with its codes, and no other', async (t) => {
    const listed = new Set<string>()
    const undescribed: string[] = []
    for (const { method, path, codes } of named) {
      const operation = document.paths[templateOf(path)]?.[method.toLowerCase()]
      listed.add(`${method} ${templateOf(path)}`)
      if (!operation) {
        // The pages a person meets are not part of the contract, nor a product's routes under its other base.
        if (isCanonical)
          t.match(
            path,
            /^\/(?:account|console|forgot-password|operators|pages|playground|problems|sign-in|sign-up)(?:\/|$)/,
            `${method} ${path} is a page`,
          )
        else t.ok(isElsewhere(path), `${method} ${path} is documented under another base`)
        if (isCanonical) t.same(codes, [])
        continue
      }
      const documented = Object.entries(operation.responses).flatMap(([status, response]) => {
        if (!response.description) undescribed.push(`${method} ${path} ${status}`)
        return Number(status) < 400 ? [] : isOurs ? codesOf(response) : [status]
      })
      t.same(documented.sort(), [...codes].sort(), `${method} ${path}`)
      t.ok(
        Object.keys(operation.responses).some((status) => /^2|^302$/.test(status)),
        `${method} ${path}: a success`,
      )
    }
    t.same(undescribed, [], 'every answer is described')
    t.same(
      operations.map(({ name }) => name).filter((name) => !listed.has(name)),
      [],
      'every operation is in the list',
    )
  })

  /** Whether a product's path is one of its other bases' and documented behind the first. */
  function isElsewhere(path: string): boolean {
    return document.servers
      .slice(1)
      .some(
        ({ url }) =>
          path.startsWith(url) && document.paths[path.slice(url.length).replace(/:(\w+)/g, '{$1}')],
      )
  }

  t.test('access, csrf and limits of the list of routes go with what the document says', async (t) => {
    all(t, (must) => {
      for (const { method, path, access, key, csrf, limit, codes } of named) {
        const name = `${method} ${path}`
        const isAnonymous = ['open', 'public', 'optional', 'recognized'].includes(access)
        must(isAnonymous || ['project', 'user', 'leaving', 'operator'].includes(access), `${name}: ${access}`)
        must(
          (access === 'operator') === (isAdmin && name !== 'POST /api/admin/setup'),
          `${name}: operators have an API of their own`,
        )
        must(['none', 'read', 'credential', 'mail', 'project'].includes(limit), `${name}: ${limit}`)
        const unsafe = !['GET', 'HEAD'].includes(method)
        if (isOurs)
          must((csrf === 'csrf') === (unsafe && access !== 'open'), `${name}: guarded against other sites`)
        must(
          (access === 'open') === (limit === 'none'),
          `${name}: limited wherever there is a project to say how much`,
        )
        const security = document.paths[templateOf(path)]?.[method.toLowerCase()]?.security
        if (!security) continue
        must(
          security.some((requirement) => Object.keys(requirement).length === 0) ===
            // NodeLoom answers a log-out without a cookie too.
            (isAnonymous || name === 'POST /nodeloom/api/auth/logout'),
          `${name}: whether a stranger may call it`,
        )
        const schemes = security.flatMap((requirement) => Object.keys(requirement))
        const takesKeys = key !== '-'
        must(takesKeys === schemes.includes('apiKey'), `${name}: whether an API key may call it`)
        must(
          takesKeys === codes.includes('insufficient_scope'),
          `${name}: what a key without the scope is told`,
        )
        const explained = document.paths['/api/auth/api-keys']?.post?.description ?? ''
        if (takesKeys) must(explained.includes(`\`${key}\``), `${name}: the creation of keys names ${key}`)
        if (access === 'project')
          must(schemes.join() === 'projectSecret,projectBasic', `${name}: nothing but the project's secret`)
      }
    })
  })

  /** Whether a reader of the schema sees what a value looks like. */
  function shows(schema: Json | undefined, depth = 8): boolean {
    if (!schema || depth === 0) return false
    if (typeof schema.$ref === 'string') return shows(resolve(schema.$ref) as Json, depth - 1)
    if (
      [schema.example, schema.examples, schema.default, schema.const, schema.enum].some(
        (value) => value !== undefined,
      )
    )
      return true
    const variants = (schema.anyOf ?? schema.oneOf) as Json[] | undefined
    if (variants) return variants.some((variant) => shows(variant, depth - 1))
    if (schema.items) return shows(schema.items as Json, depth - 1)
    const properties = Object.values((schema.properties ?? {}) as Record<string, Json>)
    return properties.some((property) => shows(property, depth - 1))
  }

  t.test('every body that is sent or answered has an example, every problem one for each code', async (t) => {
    all(t, (must) => {
      for (const { name, operation } of operations) {
        // Pictures and the like are bytes, which have no example.
        for (const [type, media] of Object.entries(operation.requestBody?.content ?? {}))
          if (type.endsWith('json'))
            must(media.example ?? media.examples ?? shows(media.schema), `${name}: what is sent as ${type}`)
        for (const [status, response] of Object.entries(operation.responses))
          for (const [type, media] of Object.entries(response.content ?? {})) {
            if (!type.endsWith('json')) continue
            must(media.example ?? media.examples ?? shows(media.schema), `${name} ${status}`)
            for (const code of codesOf(response)) {
              const value = media.examples?.[code]?.value as Json | undefined
              must(value?.code === code && value.status === Number(status), `${name} ${status} ${code}`)
            }
          }
      }
    })
  })

  t.test('every example fits its schema', async (t) => {
    const ajv = new Ajv2020({ strict: false, allErrors: true })
    ajvFormats.default(ajv)
    ajv.addSchema(document, file)
    all(t, (must) => {
      const fits = (value: unknown, pointer: string, path: string) => {
        const validate = ajv.compile({ $ref: `${file}${encodeURI(pointer)}` })
        const isValid = validate(value)
        must(isValid, isValid ? path : `${path} ${ajv.errorsText(validate.errors)}`)
      }
      for (const [path, value] of everything(document)) {
        const [, media] = /^(#\/paths\/.*\/content\/[^/]+)\/examples\/[^/]+\/value$/.exec(path) ?? []
        if (media !== undefined) fits(value, `${media}/schema`, path)
        const [, schema] = /^(.*)\/examples$/.exec(path) ?? []
        if (schema !== undefined && Array.isArray(value))
          for (const example of value) fits(example, schema, path)
      }
    })
  })
}

t.test('the migrations make the tables that are declared: drizzle-kit would add nothing', async (t) => {
  const folder = join(packageRoot, 'drizzle', 'migrations', 'meta')
  const latest = readdirSync(folder)
    .filter((name) => name.endsWith('_snapshot.json'))
    .sort()
    .at(-1)
  const snapshot = JSON.parse(readFileSync(join(folder, latest ?? ''), 'utf8'))
  const tables: Json = {}
  for (const file of readdirSync(join(packageRoot, 'drizzle', 'tables')))
    Object.assign(
      tables,
      await tsImport(pathToFileURL(join(packageRoot, 'drizzle', 'tables', file)).href, import.meta.url),
    )
  const statements = await generateMigration(snapshot, generateDrizzleJson(tables, snapshot.id))
  t.same(statements, [], 'if not: npm run migration -- --name=<what>')
})
