// The verifying middleware of docs/integrate.md, as it stands there: a token of the project is let in, every other one is not.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import Fastify from 'fastify'
import t from 'tap'
import { tsImport } from 'tsx/esm/api'
import { packageRoot } from '../../src/package.ts'
import { startTestApp } from '../support/app.ts'

const document = readFileSync(join(packageRoot, 'docs/integrate.md'), 'utf8')
const blockWith = (text: string) => {
  const blocks = [...document.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block)
  const found = blocks.find((block) => block.includes(text))
  if (!found) throw new Error(`docs/integrate.md has no block with ${text}.`)
  return found
}

const app = await startTestApp(t)
const { body } = await app.signUp()
const elsewhere = await app.project()
const folder = mkdtempSync(join(packageRoot, 'test', 'middleware-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, 'verify.ts')
writeFileSync(
  file,
  `// @ts-nocheck\n${blockWith('// verify.ts')}\n${blockWith('// Express')}`
    .replace('http://127.0.0.1:3000', app.config.publicUrl)
    .replace(
      // The issuer is PUBLIC_URL; this machine reaches the service by its port.
      /new URL\(`\$\{service\}/,
      `new URL(\`${app.url}`,
    ),
)
const { verify, express, fastify, hono } = await tsImport(pathToFileURL(file).href, import.meta.url)

const good = `Bearer ${body.access_token}`
const bad: (string | undefined)[] = [
  undefined,
  '',
  'Bearer',
  'Basic YTpi',
  'Bearer x.y.z',
  `${good}x`,
  `Bearer ${body.refresh_token}`,
]

t.test('verify gives the claims of a valid token, and null for any other', async (t) => {
  t.match(await verify(good, app.projectId), { sub: body.user.uuid, aud: app.projectId })
  t.equal(await verify(good, elsewhere.id), null, 'of another project')
  for (const header of bad) t.equal(await verify(header, app.projectId), null, header ?? 'none')
})

t.test('Fastify', async (t) => {
  const server = Fastify()
  server.addHook('onRequest', fastify(app.projectId))
  server.get('/', async (request) => (request as unknown as { user: { sub: string } }).user.sub)
  t.equal((await server.inject({ url: '/', headers: { authorization: good } })).body, body.user.uuid)
  for (const authorization of bad)
    t.equal(
      (await server.inject({ url: '/', headers: authorization ? { authorization } : {} })).statusCode,
      401,
    )
})

t.test('Express and Hono, by what they hand to a middleware', async (t) => {
  for (const authorization of [good, ...bad]) {
    const wanted = authorization === good ? 'next' : 401
    let expressed: unknown
    const response = {
      locals: {},
      status: (status: number) => {
        expressed = status
        return response
      },
      set: () => response,
      json: () => response,
    }
    await express(app.projectId)({ headers: { authorization } }, response, () => {
      expressed = 'next'
    })
    t.equal(expressed, wanted)
    let honoured: unknown
    const context = {
      req: { header: () => authorization },
      set: () => {},
      json: (_body: unknown, status: number) => {
        honoured = status
      },
    }
    await hono(app.projectId)(context, async () => {
      honoured = 'next'
    })
    t.equal(honoured, wanted)
  }
})
