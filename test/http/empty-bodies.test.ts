// A route that needs no body takes none, whatever its content type says, in every contract.
import t from 'tap'
import { bearer, startTestApp } from '../support/app.ts'
import { rawRequest, sendRaw } from '../support/raw.ts'

const app = await startTestApp(t)
const credentials = async () => {
  const { email, password, ...user } = await app.signUp()
  return { email, password, authorization: bearer(user).authorization ?? '' }
}

/** Every way in which clients send nothing; the last two hold a body that is none. */
const nothings: [name: string, headers: string[], body: string][] = [
  ['no header at all', [], ''],
  ['content-length: 0', ['content-length: 0'], ''],
  ...[
    'application/json',
    'application/x-www-form-urlencoded',
    'application/x-www-form-urlencoded; charset=utf-8',
    'multipart/form-data; boundary=x',
    'text/plain',
    'application/octet-stream',
    'nonsense',
    '*/*',
  ].flatMap((type): [string, string[], string][] => [
    [type, [`content-type: ${type}`, 'content-length: 0'], ''],
    [`${type}, without a length`, [`content-type: ${type}`], ''],
    [`${type}, chunked`, [`content-type: ${type}`, 'transfer-encoding: chunked'], '0\r\n\r\n'],
  ]),
  ['{}', ['content-type: application/json', 'content-length: 2'], '{}'],
]

const send = (line: string, headers: readonly string[], body: string) =>
  sendRaw(app.url, `${rawRequest(line, [...headers])}${body}`)

t.test('canonical: sign-out of one session and of all', async (t) => {
  for (const [name, headers, body] of nothings) {
    const isNonsenseInChunks = /^(?:nonsense|\*).*chunked/.test(name)
    for (const path of ['/logout', '/logout-all']) {
      const { authorization } = await credentials()
      const all = [`authorization: ${authorization}`, `project-id: ${app.projectId}`, ...headers]
      const { status } = await send(`POST /api/auth${path}`, all, body)
      if (!isNonsenseInChunks) t.equal(status, 200, `${path}: ${name}`)
      else t.ok([200, 415].includes(status), `${path}: ${name}`)
    }
  }
})

t.test('products: sign-out', async (t) => {
  for (const [name, headers, body] of nothings) {
    if (/^(?:nonsense|\*).*chunked/.test(name)) continue
    const { email, password } = await credentials()
    const { body: signedIn } = await app.send('POST', '/credebl/auth/signin', { body: { email, password } })
    const authorization = `authorization: Bearer ${signedIn.data.access_token}`
    const out = await send('POST /credebl/auth/signout', [authorization, ...headers], body)
    t.equal(out.status, 200, `credebl: ${name}`)
    t.equal((await send('POST /nodeloom/api/auth/logout', headers, body)).status, 200, `nodeloom: ${name}`)
  }
})

t.test('a body of another type than JSON is refused, and so is a form with something in it', async (t) => {
  const { authorization } = await credentials()
  const all = [`authorization: ${authorization}`, `project-id: ${app.projectId}`]
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x']) {
    const headers = [...all, `content-type: ${type}`, 'content-length: 3']
    t.equal((await send('POST /api/auth/logout', headers, 'a=b')).status, 415, type)
    const chunked = [...all, `content-type: ${type}`, 'transfer-encoding: chunked']
    t.equal((await send('POST /api/auth/logout', chunked, '3\r\na=b\r\n0\r\n\r\n')).status, 415, type)
  }
  const unknown = [...all, 'content-type: text/plain', 'content-length: 3']
  t.equal((await send('POST /api/auth/nowhere', unknown, 'a=b')).status, 404, 'an unknown path stays one')
})

t.test('where a body is needed, an empty one names what is missing', async (t) => {
  const headers = { 'project-id': app.projectId, 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await app.send('POST', '/api/auth/login', { headers, body: '' })
  t.equal(answer.status, 422)
  t.same(Object.keys(answer.body.errors), ['email', 'password'])
})
