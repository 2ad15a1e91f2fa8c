// Plugins whose hooks and decorators belong to the scope that registers them.
import fastifyPlugin from 'fastify-plugin'
import type { Api } from '../typebox.ts'

/** Names a plugin and opens it to its parent scope. */
export function plugin<Options extends object>(
  name: string,
  register: (api: Api, options: Options) => Promise<void>,
) {
  return fastifyPlugin(register as never, { name, fastify: '5.x' }) as unknown as (
    api: Api,
    options: Options,
  ) => Promise<void>
}
