// Every parameter of every document, with what no client sends in good faith: an answer that the document knows, never a
// failure of ours. The routes are read from the documents, so that a new one is tried as well.
import { Agent, request } from 'node:http'
import t from 'tap'
import { generateDocuments } from '../../src/http/generate.ts'
import { bearer, cookieHeader, startTestApp } from '../support/app.ts'
import { contractViolation } from '../support/contract.ts'

const app = await startTestApp(t)
const agent = new Agent({ keepAlive: true, maxSockets: 8 })
t.teardown(() => agent.destroy())

/** As they stand in a URL. */
const values = [
  '',
  '%20',
  '0',
  '-1',
  '+1',
  '01',
  '1.5',
  '1e2',
  '1e309',
  '-1e309',
  'NaN',
  'Infinity',
  '0x10',
  '1_0',
  '%D9%A3',
  'null',
  'true',
  '[]',
  '%7B%7D',
  '2147483648',
  '9223372036854775808',
  '9'.repeat(400),
  'a'.repeat(65),
  'a'.repeat(600),
  'a'.repeat(9000),
  '%00',
  'a%00b',
  '%0d%0aset-cookie:%20x=y',
  '%ff',
  '%ed%a0%80',
  '%c0%af',
  '%',
  '%zz',
  '%F0%9F%98%80',
  '..',
  '%2e%2e',
  '%2f',
  '%5c',
  "'%22%3Cscript%3E",
  '__proto__',
  '00000000-0000-0000-0000-000000000000',
  '00000000-0000-4000-8000-00000000000g',
]

interface Parameter {
  readonly name: string
  readonly in: string
}
interface Operation {
  readonly parameters?: readonly Parameter[]
}
interface Document {
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Record<string, Record<string, Operation>>
}
interface Target {
  readonly method: string
  readonly path: string
  readonly parameters: readonly Parameter[]
}

/** The routes of all documents that take something in their path or query. */
const targets: Target[] = []
for (const [name, text] of Object.entries(await generateDocuments())) {
  if (!name.endsWith('.json')) continue
  const { servers, paths } = JSON.parse(text) as Document
  for (const { url } of servers)
    for (const [template, item] of Object.entries(paths))
      for (const [method, { parameters = [] }] of Object.entries(item)) {
        const own = parameters.filter((one) => one.in === 'path' || one.in === 'query')
        const path = `${url.replace(/\/$/, '')}${template}`
        if (own.length > 0) targets.push({ method: method.toUpperCase(), path, parameters: own })
      }
}

interface Heard {
  readonly status: number
  readonly mediaType: string
  readonly body: unknown
}

/** Sends a path as it is: fetch would put it in order first. */
function send(method: string, path: string, headers: Record<string, string>): Promise<Heard> {
  const body = method === 'GET' || method === 'DELETE' ? '' : '{}'
  const { hostname, port } = new URL(app.url)
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        hostname,
        port,
        method,
        path,
        agent,
        headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
      },
      (response) => {
        let heard = ''
        response.setEncoding('utf8').on('data', (chunk) => {
          heard += chunk
        })
        response.on('end', () => {
          const mediaType = (response.headers['content-type'] ?? '').split(';')[0] ?? ''
          const parsed = mediaType.endsWith('json') && heard ? JSON.parse(heard) : heard
          resolve({ status: response.statusCode ?? 0, mediaType, body: parsed })
        })
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

/** What each document's signed-in clients send. */
async function credentials(): Promise<(path: string) => Record<string, string>> {
  const user = await app.signUp()
  const { email, password } = user
  const project = { 'project-id': app.projectId }
  const nora = await app.send('POST', '/nora/auth/login', { body: { email, password } })
  const credebl = await app.send('POST', '/credebl/auth/signin', { body: { email, password } })
  const nodeloom = await app.send('POST', '/nodeloom/api/auth/login', { body: { email, password } })
  return (path) => {
    if (path.startsWith('/nora')) return { authorization: `Bearer ${nora.body.token}` }
    if (path.startsWith('/credebl')) return { authorization: `Bearer ${credebl.body.data?.access_token}` }
    if (path.startsWith('/nodeloom')) return cookieHeader(nodeloom)
    return { ...project, ...bearer(user) }
  }
}

/** A path whose parameter of this name is `value`, and whose others are of the right form. */
function pathWith({ path, parameters }: Target, name: string, value: string): string {
  const uuid = '00000000-0000-4000-8000-000000000000'
  const filled = path.replace(/\{(\w+)\}/g, (_, one) => (one === name ? value : uuid))
  const query = parameters.filter((one) => one.in === 'query' && one.name === name)
  return query.length > 0 ? `${filled}?${name}=${value}` : filled
}

t.ok(targets.length > 25, `${targets.length} routes with parameters`)

t.test('every path and query parameter · an answer of the document, never a 500', async (t) => {
  const headersOf = await credentials()
  let tried = 0
  for (const target of targets) {
    const wrong: string[] = []
    for (const { name, in: place } of target.parameters) {
      const paths = values.map((value) => pathWith(target, name, value))
      if (place === 'query') {
        const path = pathWith(target, '', '')
        paths.push(
          `${path}?${name}=1&${name}=2`,
          `${path}?${name}[]=1`,
          `${path}?${name}`,
          `${path}?${name}.x=1`,
        )
      }
      await Promise.all(
        paths.flatMap((path) =>
          [headersOf(target.path), { 'project-id': app.projectId }].map(async (headers) => {
            const answer = await send(target.method, path, headers)
            tried++
            const shown = path.split('?')[0] ?? ''
            const violation = contractViolation(target.method, shown, answer)
            if (answer.status >= 500 || answer.status < 200 || violation)
              wrong.push(`${path.slice(0, 120)}: ${answer.status} ${violation ?? ''}`)
          }),
        ),
      )
    }
    t.same(wrong, [], `${target.method} ${target.path}`)
  }
  t.comment(`${tried} requests`)
})

t.test('a limit is a whole number as people write it, and nothing else', async (t) => {
  const headers = bearer(await app.signUp())
  const limit = (text: string) => app.api('GET', `/me/activity?limit=${text}`, { headers })
  for (const fine of ['1', '50', '100']) t.equal((await limit(fine)).status, 200, fine)
  for (const wrong of [
    '0',
    '101',
    '1e1',
    '0x10',
    '1.0',
    '+5',
    '05',
    '%205',
    '5%20',
    '1e309',
    '-1',
    '',
    '%D9%A3',
  ])
    t.equal((await limit(wrong)).status, 422, wrong)
  t.equal((await limit('5&limit=6')).status, 422, 'nor two of them')
})

t.test('the header that selects the project may hold anything', async (t) => {
  for (const id of [
    'x',
    '0',
    'null',
    `${app.projectId} `,
    'a'.repeat(5000),
    '\u00ff',
    `${app.projectId},x`,
  ]) {
    const { status } = await app.api('GET', '/me', { headers: { 'project-id': id } })
    t.ok([401, 404].includes(status), id.slice(0, 40))
  }
})
