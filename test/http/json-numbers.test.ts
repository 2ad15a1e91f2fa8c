// Numbers in JSON bodies: each is stored as it was sent, or refused by the name of its field.
import t from 'tap'
import { changedNumbers } from '../../src/http/plugins/json-numbers.ts'
import { bearer, startTestApp } from '../support/app.ts'
import { isProblem } from '../support/problems.ts'

const app = await startTestApp(t)
const user = await app.signUp()
const patch = (body: string) => app.api('PATCH', '/profile', { headers: bearer(user), body })

const kept = [
  '0',
  '-0',
  '7',
  '-12.5',
  '1.10',
  '0.1',
  '1e3',
  '1E+2',
  '9007199254740991',
  '1e300',
  '5e-324',
  '123456.789e-3',
  '0.0',
]
const changed = [
  '1156402973958606908',
  '-1156402973958606908',
  '9007199254740992',
  '9007199254740993',
  '1e400',
  '-1e400',
  '1e-400',
  '0.12345678901234567890',
  '123456789.12345678901',
  '9'.repeat(400),
  '1.7976931348623159e308',
]

t.test('a number that a double does not hold is refused, and nothing is changed', async (t) => {
  for (const number of changed)
    for (const body of [
      `{"metadata":{"id":${number}}}`,
      `{"display_name":"Ada","metadata":{"deep":[{"list":[1,"]",${number}]}]}}`,
      `{ "metadata" : { "text" : "\\"}{" , "id" : ${number} } }`,
    ])
      isProblem(t, await patch(body), 'validation_failed', ['metadata'])
  t.same((await app.api('GET', '/me', { headers: bearer(user) })).body.user.metadata, {})
  isProblem(t, await patch(`{"unknown":1e999,"metadata":{"a":1}}`), 'validation_failed', ['unknown'])
  isProblem(t, await patch('[1e999]'), 'validation_failed', ['body'])
  const email = 'numbers@example.com'
  const body = `{"email":"${email}","password":"a good long password","metadata":{"id":1e400}}`
  isProblem(t, await app.api('POST', '/signup', { body }), 'validation_failed', ['metadata'])
})

t.test('every other number is stored as it was sent', async (t) => {
  for (const number of kept) {
    const { status, body } = await patch(`{"metadata":{"id":${number}}}`)
    t.equal(status, 200, number)
    t.equal(body.user.metadata.id, Number(number) + 0, number)
  }
  const texts = { id: '1156402973958606908', escaped: '":1e400', list: ['[1e400'] }
  const answer = await patch(JSON.stringify({ metadata: texts }))
  t.match(answer.body.user.metadata, texts, 'what stands in a text is text')
})

t.test('the products refuse it in their own words', async (t) => {
  for (const [path, body] of [
    ['/nora/auth/login', '{"email":1e400,"password":"x"}'],
    ['/credebl/auth/signin', '{"email":"a@b.example","password":"x","n":1e400}'],
    ['/nodeloom/api/auth/login', '{"email":"a@b.example","password":"x","n":12345678901234567890}'],
  ] as const)
    t.equal((await app.send('POST', path, { body })).status, 400, path)
})

t.test('the outermost names are found, whatever the text is', async (t) => {
  t.same(changedNumbers('{"a":{"b":1e400},"c":1,"d":[1e400,{"e":1}],"f":1e400}'), ['a', 'd', 'f'])
  t.same(changedNumbers('1e400'), ['body'])
  t.same(changedNumbers('{"\\u0061":1e400}'), ['a'])
  t.same(changedNumbers('{"a":"1e400","b":true,"c":null}'), [])
  const long = `{"a":"${'\\\\'.repeat(20_000)}","b":[${'1,'.repeat(5000)}1e400]}`
  t.same(changedNumbers(long), ['b'])
})
