// Mounts one product's documented API under its prefix: its own document, errors, limits and strategy over our domain.

import type { TSchema } from '@sinclair/typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { RefreshKey } from '../../crypto/refresh-secret.ts'
import type { Domain } from '../../domain/index.ts'
import type { LimitClass } from '../../domain/policy.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import { declaredAccess } from '../plugins/access.ts'
import { type AuthenticateOptions, authenticate } from '../plugins/authenticate.ts'
import { cors } from '../plugins/cors.ts'
import { type CsrfOptions, csrf } from '../plugins/csrf.ts'
import { document, type SecuritySchemes } from '../plugins/document.ts'
import { errors } from '../plugins/errors.ts'
import { notFound } from '../plugins/not-found.ts'
import { project } from '../plugins/project.ts'
import { type Limiter, type Limits, rateLimits, type Standing } from '../plugins/rate-limits.ts'
import { serialization } from '../plugins/serialization.ts'
import type { Answer, Refusal } from '../refusal.ts'
import type { Tokens } from '../tokens.ts'
import type { Api } from '../typebox.ts'
import { type Rule, speaking } from './sentences.ts'

/** What a contract is built from. */
export interface ContractParts {
  readonly app: FastifyInstance
  readonly limiter: Limiter
  readonly domain: Domain
  readonly tokens: Tokens
  readonly limits: Limits
  readonly refreshKeys: readonly RefreshKey[]
  readonly cookieSecure: boolean
  /** The name of NodeLoom's session cookie. */
  readonly nodeloomCookie: string
  readonly publicUrl: string
  readonly version: string
  /** The one project that every contract works on. */
  readonly contractProjectId: string
  readonly isUnavailable: (error: unknown) => boolean
  readonly metrics: Pick<Metrics, 'limited' | 'lockedOut'>
  /** What is wrong with a path that no router could read, where the request has such a one. */
  readonly unreadable: (request: FastifyRequest) => Refusal | undefined
}

/** One product's contract, as data; `mount` makes a scope of it. */
export interface Contract {
  /** Names the document: /openapi/<name>.json. */
  readonly name: string
  readonly title: string
  readonly description: string
  /** Everything below it answers in this product's shape. */
  readonly prefix: string
  /** Where the routes stand below the prefix; the first is the one in the document. */
  readonly bases: readonly [string, ...string[]]
  readonly tags: readonly { name: string; description: string }[]
  readonly securitySchemes: SecuritySchemes
  readonly shared: readonly TSchema[]
  readonly answer: Answer
  /** What is said of a field that breaks its schema, where a route has no rules of its own. */
  readonly rules: readonly Rule[]
  readonly presented: AuthenticateOptions['presented']
  readonly mayLeave?: AuthenticateOptions['mayLeave']
  readonly ended?: AuthenticateOptions['ended']
  readonly csrf?: CsrfOptions
  /** Headers of its answers that a page of an allowed origin may read, besides the canonical ones. */
  readonly exposes?: readonly string[]
  readonly limits: Limits
  readonly show: (reply: FastifyReply, standing: Standing) => void
  readonly atOnce?: readonly LimitClass[]
  readonly elsewhere?: LimitClass
  /** Run for every request below the prefix, before all else. */
  readonly arrives?: (request: FastifyRequest, reply: FastifyReply) => void
  readonly routes: (api: Api) => Promise<void>
}

/** Every way of building a contract; loaded only where it is mounted. */
export type BuildContract = (parts: ContractParts) => Contract

/** Registers the contract's scope and its document. */
export async function mount(contract: Contract, parts: ContractParts): Promise<void> {
  const { app, domain } = parts
  const { name, prefix, answer, bases, routes } = contract
  const projectIdOf = () => parts.contractProjectId
  await app.register(
    async (scope) => {
      const api = scope as unknown as Api
      if (contract.arrives)
        api.addHook('onRequest', (request, reply, done) => {
          contract.arrives?.(request, reply)
          done()
        })
      await api.register(errors, { answer, isUnavailable: parts.isUnavailable, metrics: parts.metrics })
      await api.register(notFound, {
        answer: (request, reply, refusal) => answer(request, reply, parts.unreadable(request) ?? refusal),
      })
      api.setSchemaErrorFormatter(speaking(contract.rules))
      // What is no object has none of the fields; each product has a sentence for that.
      api.addHook('preValidation', (request, _reply, done) => {
        if (typeof request.body !== 'object' || Array.isArray(request.body)) request.body = {}
        done()
      })
      await api.register(document, {
        title: contract.title,
        description: contract.description,
        version: parts.version,
        shared: contract.shared,
        tags: contract.tags,
        securitySchemes: contract.securitySchemes,
        // Where the base URL of a client ends; the paths of the document begin behind it.
        servers: bases.map((base) => ({
          url: `${prefix}${base.replace(/\/[^/]+$/, '')}`,
          description: contract.title,
        })),
      })
      await api.register(serialization, { shared: contract.shared })
      await api.register(cors, { projects: domain.projects, projectIdOf, exposes: contract.exposes })
      await api.register(declaredAccess, {})
      await api.register(project, { projects: domain.projects, projectIdOf, everywhere: true })
      await api.register(rateLimits, contract)
      if (contract.csrf) await api.register(csrf, contract.csrf)
      await api.register(authenticate, { tokens: parts.tokens, sessions: domain.sessions, ...contract })
      api.addHook('onRoute', (route) => {
        route.config = { ...route.config, csrf: contract.csrf !== undefined }
      })
      for (const [place, base] of bases.entries())
        await api.register(
          async (below: Api) => {
            // The same routes again, for clients with the other base URL; the document lists them once.
            if (place > 0)
              below.addHook('onRoute', (route) => {
                route.schema = { ...route.schema, hide: true }
              })
            await routes(below)
          },
          { prefix: base },
        )
      app.get(`/openapi/${name}.json`, { schema: { hide: true } }, async () => api.swagger())
    },
    { prefix },
  )
}
