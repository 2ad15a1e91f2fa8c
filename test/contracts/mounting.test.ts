// CONTRACTS: what is switched off has no route, no document, and no module that is loaded at the start.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { problemOf } from '../../src/http/contracts/problem-map.ts'
import { contractNames } from '../../src/http/server-options.ts'
import { packageRoot } from '../../src/package.ts'
import { startTestApp, type TestApp, testSecretKey } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { isProblem } from '../support/problems.ts'
import { startService, temporaryDataDir } from '../support/service.ts'

/** A path below each contract that is a route of it. */
const routes = {
  nodeloom: ['POST', '/nodeloom/api/auth/login'],
  credebl: ['POST', '/credebl/auth/signin'],
  nora: ['POST', '/nora/auth/login'],
} as const

async function isMounted(t: Test, app: TestApp, name: keyof typeof routes): Promise<void> {
  const [method, path] = routes[name]
  const answer = await app.send(method, path, { body: {} })
  t.equal(answer.status, 400, `${path} asks for the fields`)
  t.notMatch(answer.headers.get('content-type'), 'problem')
  const document = await app.send('GET', `/openapi/${name}.json`)
  t.equal(document.status, 200)
  t.equal(document.body.info.title.toLowerCase(), name)
}

async function isOff(t: Test, app: TestApp, name: keyof typeof routes): Promise<void> {
  const [method, path] = routes[name]
  for (const below of [path, `/${name}`, `/${name}/`, `/${name}/nothing`])
    isProblem(t, await app.send(method, below, { body: {} }), 'route_not_found')
  isProblem(t, await app.send('GET', `/${name}/%`), 'malformed_request')
  isProblem(t, await app.send('GET', `/openapi/${name}.json`), 'route_not_found')
}

t.test('all of them are mounted unless something else is said', async (t) => {
  const app = await startTestApp(t)
  for (const name of contractNames) await isMounted(t, app, name)
})

t.test('only those named are mounted, the others leave the canonical 404 behind', async (t) => {
  for (const only of contractNames) {
    const app = await startTestApp(t, { env: { CONTRACTS: only } })
    for (const name of contractNames) await (name === only ? isMounted : isOff)(t, app, name)
    await app.close()
  }
})

t.test('CONTRACTS= mounts none, and the canonical API is untouched', async (t) => {
  const app = await startTestApp(t, { env: { CONTRACTS: '' } })
  for (const name of contractNames) await isOff(t, app, name)
  t.equal((await app.signUp()).status, 201)
  t.equal((await app.send('GET', '/openapi/auth.json')).status, 200)
})

t.test('nothing of a contract that is switched off is loaded', async (t) => {
  const one = await loadedBy(t, 'nora')
  t.ok(one.includes('src/http/server.ts'), 'what is loaded is seen')
  const ofContract = (files: readonly string[]) =>
    new Set(files.flatMap((file) => /contracts\/([\w-]+)(?:\/|\.ts)/.exec(file)?.[1] ?? []).sort())
  t.same(
    ofContract(one),
    new Set(['catalogue', 'mount', 'nora', 'problem-map', 'refusals', 'validation-messages']),
  )
  t.same(ofContract(await loadedBy(t, '')), new Set(['catalogue']))
})

/** The modules of ours that a start with these contracts has loaded, from the engine's own account of it. */
async function loadedBy(t: Test, contracts: string): Promise<string[]> {
  const coverage = t.testdir({ [contracts || 'none']: {} })
  const service = await startService(t, {
    // From the sources: a bundle is one module.
    root: packageRoot,
    dataDir: await temporaryDataDir(t),
    env: {
      CONTRACTS: contracts,
      DATABASE_URL: await createDatabase(t),
      SECRET_KEY: testSecretKey,
      NODE_V8_COVERAGE: coverage,
    },
  })
  await service.stop()
  return readdirSync(coverage)
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => JSON.parse(readFileSync(join(coverage, file), 'utf8')).result as { url: string }[])
    .filter(({ url }) => url.startsWith('file:') && !url.includes('/node_modules/'))
    .map(({ url }) => fileURLToPath(url.split('?')[0] ?? '').replace(/^.*?\/(?=(?:src|schemas)\/)/, ''))
}

t.test('a refusal that a product has no sentence for keeps its kind', async (t) => {
  const map = { byCode: {}, byStatus: { 400: 'a', 409: 'c', 500: 'b' } }
  for (const [code, ...wanted] of [
    ['idempotency_in_flight', 409, 'c'],
    ['idempotency_key_reused', 400, 'a'],
    ['cross_site_request', 400, 'a'],
    ['service_unavailable', 500, 'b'],
    ['internal_error', 500, 'b'],
  ] as const)
    t.same(problemOf(map, code), wanted, code)
})
