// Mounts one product's documented API under its prefix: its own document, errors, limits and strategy over our domain.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { belowBase } from '../base-path.ts'
import { declaredAccess } from '../plugins/access.ts'
import { type AuthenticateOptions, authenticate } from '../plugins/authenticate.ts'
import { context } from '../plugins/context.ts'
import { cors } from '../plugins/cors.ts'
import { type CsrfOptions, csrf } from '../plugins/csrf.ts'
import { type DocumentOptions, document } from '../plugins/document.ts'
import { errors } from '../plugins/errors.ts'
import { notFound } from '../plugins/not-found.ts'
import { project } from '../plugins/project.ts'
import { type Limiter, type Limits, type RateLimitsOptions, rateLimits } from '../plugins/rate-limits.ts'
import { serialization } from '../plugins/serialization.ts'
import { type Answer, type Refusal, RequestProblem } from '../refusal.ts'
import type { ContractName, ServerOptions } from '../server-options.ts'
import type { Api } from '../typebox.ts'
import { type Rule, validationMessages } from './validation-messages.ts'

/** What contracts are built from. */
export interface ContractParts extends ServerOptions {
  readonly app: FastifyInstance
  readonly limiter: Limiter
  readonly limits: Limits
  /** The refusal of a path that the router could not decode; undefined for every other request. */
  readonly unreadable: (request: FastifyRequest) => Refusal | undefined
}

/** One product's contract, as data that `mount` registers. */
interface Contract
  extends RateLimitsOptions,
    Omit<AuthenticateOptions, 'tokens' | 'services'>,
    Omit<DocumentOptions, 'version' | 'servers'> {
  /** Names the document: /openapi/<name>.json. */
  readonly name: ContractName
  /** Every path below it is answered in this product's form. */
  readonly prefix: string
  /** Base paths below the prefix, each with all routes; the document lists the first. */
  readonly bases: readonly [string, ...string[]]
  readonly answer: Answer
  /** Sentences for fields that break their schema, on routes without rules of their own. */
  readonly rules: readonly Rule[]
  readonly csrf?: Omit<CsrfOptions, 'ownOrigin'>
  /** The maximum length of a path's parameter; a longer one is a 404. Default: its schema decides. */
  readonly maxParamLength?: number
  /** Called first for every request below the prefix. */
  readonly onArrival?: (request: FastifyRequest, reply: FastifyReply) => void
  readonly routes: (api: Api) => Promise<void>
  /** Registers the routes beside each base path, below its parent (for `/v1/auth`: below `/v1`). */
  readonly besideRoutes?: (api: Api) => Promise<void>
}

/** Refuses a path with a parameter that is too long, before the request is authenticated. */
const refuseLongParams =
  (max: number) =>
  ({ params }: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void => {
    const isLong = Object.values(params ?? {}).some((value) => String(value).length > max)
    done(isLong ? new RequestProblem('route_not_found') : undefined)
  }

/** Builds a contract; its module is loaded only where it is mounted. */
export type BuildContract = (parts: ContractParts) => Contract

/** Registers the contract's routes below and beside each base path; the document lists those of the first only. */
async function registerBases(api: Api, { bases, routes, besideRoutes }: Contract): Promise<void> {
  for (const [place, base] of bases.entries()) {
    const register = (prefix: string, build: (api: Api) => Promise<void>) =>
      api.register(
        async (below: Api) => {
          // The same routes for clients with another base URL.
          if (place > 0) hideRoutes(below)
          await build(below)
        },
        { prefix },
      )
    await register(base, routes)
    if (besideRoutes) await register(base.replace(/\/[^/]+$/, ''), besideRoutes)
  }
}

/** Keeps the routes of a scope out of the document. */
function hideRoutes(api: Api): void {
  api.addHook('onRoute', (route) => {
    route.schema = { ...route.schema, hide: true }
  })
}

/** Registers the contract's scope and its document. */
export async function mount(contract: Contract, parts: ContractParts): Promise<void> {
  const { app, services } = parts
  const { projects } = services
  const { name, prefix, answer, bases } = contract
  const projectIdOf = () => parts.contractProjectId
  await app.register(
    async (scope) => {
      const api = scope as unknown as Api
      if (contract.onArrival)
        api.addHook('onRequest', (request, reply, done) => {
          contract.onArrival?.(request, reply)
          done()
        })
      await api.register(errors, { ...parts, answer })
      await api.register(notFound, {
        answer: (request, reply, refusal) => answer(request, reply, parts.unreadable(request) ?? refusal),
      })
      api.setSchemaErrorFormatter(validationMessages(contract.rules))
      // A body that is not an object is treated as an empty one, so that the product's sentences for missing fields apply.
      api.addHook('preValidation', (request, _reply, done) => {
        if (typeof request.body !== 'object' || Array.isArray(request.body)) request.body = {}
        done()
      })
      await api.register(document, {
        ...contract,
        version: parts.version,
        // A client's base URL ends here; the paths of the document follow it.
        servers: bases.map((base, place) => {
          const below = base.replace(/\/[^/]+$/, '')
          return {
            url: `${prefix}${below}`,
            description:
              place === 0 ? contract.title : `${contract.title}, for clients whose base URL ends in ${below}`,
          }
        }),
      })
      await api.register(serialization, { shared: contract.shared })
      await api.register(cors, { projects, projectIdOf, anyHeader: true })
      await api.register(declaredAccess, {})
      await api.register(project, { projects, projectIdOf, includesUnmatched: true })
      await api.register(context, { services, client: contract.name })
      await api.register(rateLimits, contract)
      const { maxParamLength } = contract
      if (maxParamLength !== undefined) api.addHook('onRequest', refuseLongParams(maxParamLength))
      if (contract.csrf)
        await api.register(csrf, { ownOrigin: new URL(parts.publicUrl).origin, ...contract.csrf })
      await api.register(authenticate, { ...contract, tokens: parts.tokens, services })
      api.addHook('onRoute', (route) => {
        route.config = { ...route.config, csrf: contract.csrf !== undefined }
      })
      await registerBases(api, contract)
      app.get(`/openapi/${name}.json`, { schema: { hide: true } }, async () =>
        belowBase(api.swagger(), parts.publicUrl),
      )
    },
    { prefix },
  )
}
