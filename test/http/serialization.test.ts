// What a schema does not name never leaves, whatever a handler returns.
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import t from 'tap'
import { Shared } from '../../schemas/primitives.ts'
import { serialization } from '../../src/http/plugins/serialization.ts'
import type { Api } from '../../src/http/typebox.ts'

const Person = Type.Object({ name: Type.String() }, { $id: 'Person', additionalProperties: false })
const response = {
  200: {
    description: 'One.',
    content: {
      'application/json': {
        schema: Type.Object({ person: Shared(Person) }, { additionalProperties: false }),
      },
    },
  },
}

t.test('fields that the schema does not name are left out, inside shared schemas too', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const api = app as unknown as Api
  await api.register(serialization, { shared: [Person] })
  api.addSchema(Person)
  for (const path of ['/one', '/two'])
    api.get(path, { schema: { response } }, async () => ({
      person: { name: 'Ada', passwordHash: '$argon2id$' },
      token: 'srt_secret',
    }))
  for (const path of ['/one', '/two', '/one'])
    t.equal((await app.inject(path)).body, '{"person":{"name":"Ada"}}')
})
