// The context that a request hands to the verbs of the domain.
import type { FastifyRequest } from 'fastify'
import type { SessionClient } from '../../domain/actor.ts'
import { type Context, createContext, type Services } from '../../domain/context.ts'
import { callerOf } from '../caller.ts'
import { plugin } from './plugin.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The project, the actor and the client of this request; on every route that is not open. */
    readonly context: Context
    /** The cache of `context`. */
    builtContext: Context | null
  }
}

interface ContextOptions {
  readonly services: Services
  /** The API of the scope. */
  readonly client: SessionClient
  /** Reads the token of a trusted device; default: none. */
  readonly deviceToken?: (request: FastifyRequest) => string | null
}

/** Decorates `request.context`, which is built when it is first read, and again once the actor is known. */
export const context = plugin<ContextOptions>('context', async (api, { services, client, deviceToken }) => {
  const presented = deviceToken ? { deviceToken } : {}
  api.decorateRequest('builtContext', null)
  api.decorateRequest('context', {
    getter(this: FastifyRequest) {
      const actor = this.keyHolder ?? this.principal ?? null
      if (this.builtContext?.actor !== actor)
        this.builtContext = createContext(services, this.project, callerOf(this, client, presented), actor)
      return this.builtContext
    },
  })
})
