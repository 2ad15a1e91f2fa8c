// The closed list of problems: every code is complete, used, documented, and has its page.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { problemCodes, problemKinds } from '../schemas/errors.ts'
import type { AuthErrorCode } from '../src/domain/errors.ts'
import { generateDocuments } from '../src/http/generate.ts'
import { rawProblem } from '../src/http/plugins/errors.ts'
import { problemDocument, problemFacts } from '../src/http/problems.ts'
import { RequestProblem, refusalOf } from '../src/http/refusal.ts'
import { packageRoot } from '../src/package.ts'
import { startTestApp } from './support/app.ts'

const documents = await generateDocuments()

/** The members of the domain's union, which are gone at run time, read from its source. */
const source = readFileSync(join(packageRoot, 'src/domain/errors.ts'), 'utf8')
const authErrorCodes = [
  ...(/type AuthErrorCode =([^\n]*\n(?: +\|[^\n]*\n)*)/.exec(source)?.[1] ?? '').matchAll(/'(\w+)'/g),
].map(([, code]) => code as AuthErrorCode)

t.test('every problem says what happened and what to do', async (t) => {
  for (const code of problemCodes) {
    const { status, title, message, help } = problemKinds[code]
    t.match(code, /^[a-z]+(?:_[a-z]+)*$/)
    t.ok(Number.isInteger(status) && status >= 400 && status <= 599, `${code}: ${status}`)
    t.match(title, /^[A-Z][^.]*[^.]$/, `${code}: the title is a phrase`)
    t.match(message, /^[A-Z].*\.$/, `${code}: the message is a sentence`)
    t.match(help, /^\S.{20,}\.$/s, `${code}: the help is sentences`)
  }
})

t.test('every refusal of the domain has a face from the list', async (t) => {
  t.ok(authErrorCodes.length >= 14, `${authErrorCodes.length} codes were read`)
  for (const code of authErrorCodes) {
    const facts = problemFacts({ code })
    t.ok(problemCodes.includes(facts.code), code)
    // The verb names the field of a refused password.
    if (facts.code === 'validation_failed' && code !== 'password_refused')
      t.ok(Object.keys(facts.errors ?? {}).length > 0, `${code}: names its field`)
  }
})

t.test('an error that is no refusal is a failure of ours, and says nothing', async (t) => {
  for (const error of [
    new Error('a detail'),
    new TypeError('x'),
    null,
    undefined,
    'text',
    { code: 'overloaded' },
  ])
    t.equal(refusalOf(error), null)
})

t.test('every code is given by a route or by the handlers around them', async (t) => {
  const given = new Set((documents['routes.txt'] ?? '').split(/\s+/).filter((word) => /^[a-z_]+$/.test(word)))
  for (const column of [
    'open',
    'public',
    'optional',
    'recognized',
    'project',
    'user',
    'leaving',
    'operator',
    'csrf',
    'once',
    'none',
    'read',
    'credential',
    'mail',
  ])
    given.delete(column)
  // What Node could not parse, and what has no route.
  const around = [
    ...['HPE_HEADER_OVERFLOW', 'ERR_HTTP_REQUEST_TIMEOUT', 'HPE_INVALID_METHOD'].map(
      (code) => JSON.parse(rawProblem(code, 'http://x', 'id').text.split('\r\n\r\n')[1] ?? '').code as string,
    ),
    'route_not_found',
    'method_not_allowed',
  ]
  t.same(
    problemCodes.filter((code) => !given.has(code) && !around.includes(code)),
    [],
    'no code is only promised',
  )
  t.same(
    [...given].filter((code) => !(problemCodes as string[]).includes(code)),
    [],
  )
})

t.test('what Node could not parse is answered as a whole response, in the same form', async (t) => {
  for (const [nodeCode, status, code] of [
    ['HPE_HEADER_OVERFLOW', 431, 'headers_too_large'],
    ['ERR_HTTP_REQUEST_TIMEOUT', 408, 'request_timeout'],
    ['HPE_INVALID_METHOD', 400, 'malformed_request'],
    [undefined, 400, 'malformed_request'],
  ] as const) {
    const [head = '', body = ''] = rawProblem(nodeCode, 'https://auth.example.com', 'an-id').text.split(
      '\r\n\r\n',
    )
    t.match(head, new RegExp(`^HTTP/1\\.1 ${status} `))
    t.match(head, /Content-Type: application\/problem\+json/)
    t.match(head, new RegExp(`Content-Length: ${Buffer.byteLength(body)}(?:\r\n|$)`))
    t.match(JSON.parse(body), {
      status,
      code,
      type: `https://auth.example.com/problems/${code}`,
      request_id: 'an-id',
    })
  }
})

t.test('a problem document holds what its kind says, and waits only where waiting helps', async (t) => {
  for (const code of problemCodes) {
    const document = problemDocument({ code }, 'https://auth.example.com', 'an-id')
    const { status, title, message } = problemKinds[code]
    t.match(document, { type: `https://auth.example.com/problems/${code}`, title, status, code, message })
    const waits = status === 429 || status === 503 || code === 'idempotency_in_flight'
    t.equal('retry_after' in document, waits, code)
  }
  const errors = { email: ['Is required.'] }
  const refusal = refusalOf(new RequestProblem('validation_failed', { errors }))
  t.same(refusal && problemFacts(refusal).errors, errors)
})

t.test('the page that a problem points to explains it', async (t) => {
  const app = await startTestApp(t)
  const unknown = await app.send('GET', '/problems/no_such_code')
  t.equal(unknown.status, 404)
  t.equal(unknown.body.code, 'route_not_found')
  t.equal((await app.send('GET', new URL(unknown.body.type).pathname)).status, 200)
  const list = await app.send('GET', '/problems')
  for (const code of problemCodes) {
    const page = await app.send('GET', `/problems/${code}`)
    t.equal(page.status, 200, code)
    t.match(page.headers.get('content-type'), /^text\/html/)
    t.ok(page.body.includes(problemKinds[code].message.replaceAll("'", '&#39;')), `${code}: its message`)
    t.ok(list.body.includes(`problems/${code}"`), `${code}: it is in the list`)
  }
  for (const trick of ['__proto__', 'constructor', 'toString'])
    t.equal((await app.send('GET', `/problems/${trick}`)).status, 404, trick)
})
