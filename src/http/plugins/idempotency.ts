// Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): who sends a request again gets its first answer again.
//
// Looked at once the request is known to be one that would be carried out: its sender recognised, its body valid, its
// limits counted. What is refused is not kept: the key is free for the next try, with a body that was mended.
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { IdempotencyKeys } from '../../domain/idempotency-keys.ts'
import type { Claim } from '../../repositories/idempotency-keys.ts'
import { transportOf } from '../caller.ts'
import { RequestProblem } from '../refusal.ts'
import { signedIn } from './authenticate.ts'
import { plugin } from './plugin.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route takes an Idempotency-Key; it documents the header and what may come of it. */
    idempotent?: boolean
  }
  interface FastifyRequest {
    /** The key that this request is carried out under. */
    claim: Claim | null
  }
}

/** An answer as it is kept. */
interface Kept {
  readonly status: number
  readonly headers: Record<string, string | string[]>
  readonly body: string
}

/** Headers that belong to the answer; all others belong to the request that is answered. */
const keptHeaders = ['content-type', 'location', 'set-cookie'] as const

/** The key in a header that passed validation: bare, or a string as RFC 9651 §3.3.3 spells it. */
export function keyIn(header: string): string {
  return header.startsWith('"') ? header.slice(1, -1).replace(/\\(.)/g, '$1') : header
}

/** JSON in which the order of an object's fields makes no difference. */
function ordered(value: unknown): string {
  const sorted = (_name: string, at: unknown) =>
    typeof at === 'object' && at !== null && !Array.isArray(at)
      ? Object.fromEntries(Object.entries(at).sort(([a], [b]) => (a < b ? -1 : 1)))
      : at
  return JSON.stringify(value, sorted)
}

interface Fields {
  readonly properties?: Record<string, unknown>
}

/** Everything that the answer depends on; fields that the route does not read are as if they were not there. */
function contentOf(request: FastifyRequest): string {
  const known = Object.keys((request.routeOptions.schema?.body as Fields | undefined)?.properties ?? {})
  const body = request.body as Record<string, unknown>
  return ordered({
    params: request.params,
    transport: transportOf(request),
    provesProject: request.provesProject(),
    body: Object.fromEntries(known.map((name) => [name, body[name]])),
  })
}

function keptOf(reply: FastifyReply, body: string): Kept {
  const headers = keptHeaders.flatMap((name) => {
    const value = reply.getHeader(name)
    return value === undefined ? [] : [[name, Array.isArray(value) ? value : String(value)] as const]
  })
  return { status: reply.statusCode, headers: Object.fromEntries(headers), body }
}

export const idempotency = plugin<{ idempotencyKeys: IdempotencyKeys }>(
  'idempotency',
  async (api, { idempotencyKeys }) => {
    api.decorateRequest('claim', null)

    async function claim(request: FastifyRequest, reply: FastifyReply) {
      const { config, url } = request.routeOptions
      const header = request.headers['idempotency-key']
      if (header === undefined) return
      const standing = await idempotencyKeys.begin(request.project, {
        operation: `${request.method} ${url}`,
        key: keyIn(String(header)),
        userId: config.access === 'user' ? signedIn(request).user.id : null,
        content: contentOf(request),
      })
      switch (standing.kind) {
        case 'claimed':
          request.claim = standing.claim
          return
        case 'reused':
          throw new RequestProblem('idempotency_key_reused')
        case 'in_flight':
          throw new RequestProblem('idempotency_in_flight', { retryAfterSeconds: 1 })
        case 'answered': {
          const { status, headers, body } = JSON.parse(standing.answer) as Kept
          return reply.code(status).headers(headers).header('idempotency-replayed', 'true').send(body)
        }
      }
    }

    // Before the answer leaves: what its client has seen is kept.
    async function keep(request: FastifyRequest, reply: FastifyReply, payload: unknown) {
      const { claim } = request
      if (!claim) return payload
      request.claim = null
      const isDone = reply.statusCode >= 200 && reply.statusCode < 300
      try {
        if (isDone) await idempotencyKeys.keep(claim, JSON.stringify(keptOf(reply, String(payload ?? ''))))
        else await idempotencyKeys.release(claim)
      } catch (error) {
        // The answer is right without it; a repetition is refused for a minute, then carried out anew.
        request.log.warn({ err: error }, 'What an Idempotency-Key stands for could not be kept')
      }
      return payload
    }

    // Routes that take no key run none of this.
    api.addHook('onRoute', (route) => {
      const { method, url, schema, config } = route
      const isDocumented = 'idempotency-key' in ((schema?.headers as Fields | undefined)?.properties ?? {})
      if (isDocumented !== Boolean(config?.idempotent) || (isDocumented && !schema?.body))
        throw new Error(`${method} ${url} must declare config.idempotent, the header and a body together.`)
      if (!isDocumented) return
      route.preHandler = [route.preHandler ?? [], claim].flat()
      route.onSend = [route.onSend ?? [], keep].flat()
    })
  },
)
