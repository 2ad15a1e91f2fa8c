// Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a repeated request gets the answer of the first one.
//
// The key is checked when the request is authenticated, valid and within its limits. A refusal is not stored: the key can be used
// again with a corrected body.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isStillIssued } from '../../domain/sessions/sessions.ts'
import {
  beginIdempotent,
  type Claim,
  keepAnswer,
  releaseClaim,
} from '../../domain/throttling/idempotency-keys.ts'
import { transportOf } from '../caller.ts'
import { RequestProblem } from '../refusal.ts'
import { readHeader } from '../request-headers.ts'
import { signedIn } from './authenticate.ts'
import { plugin } from './plugin.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route takes an Idempotency-Key; its schema documents the header. */
    idempotent?: boolean
  }
  interface FastifyRequest {
    /** The key under which this request is carried out. */
    claim: Claim | null
    /** The session whose tokens the answer holds. */
    issued: IssuedSession | null
  }
}

/** A session whose tokens were issued, and the epoch of its user at that time. */
type IssuedSession = Parameters<typeof isStillIssued>[1]

interface KeptAnswer {
  /** Where the answer has tokens: it is replayed only while their session is unchanged. */
  readonly issued?: IssuedSession
  readonly status: number
  readonly headers: Record<string, string | string[]>
  readonly body: string
}

/** Headers of the answer; all others depend on the request that is answered. */
const keptHeaders = ['content-type', 'location', 'set-cookie'] as const

/** The key in a header that passed validation: bare, or a string as RFC 9651 §3.3.3 spells it. */
function keyIn(header: string): string {
  return header.startsWith('"') ? header.slice(1, -1).replace(/\\(.)/g, '$1') : header
}

/** JSON with sorted keys, so that the order of fields makes no difference. */
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

/** The parts of a request that its answer depends on, without body fields that the route does not read. */
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

/** The answer as JSON, which leaves out the headers that are not set. */
function printAnswer({ issued }: FastifyRequest, reply: FastifyReply, payload: unknown): string {
  const headers = Object.fromEntries(keptHeaders.map((name) => [name, reply.getHeader(name)]))
  const answer = { status: reply.statusCode, headers, body: String(payload ?? '') }
  return JSON.stringify(issued ? { ...answer, issued } : answer)
}

async function begin(request: FastifyRequest, reply: FastifyReply) {
  const { config, url } = request.routeOptions
  const header = readHeader(request, 'idempotency-key')
  if (header === undefined) return
  const outcome = await beginIdempotent(request.context, {
    // Operators are not users of the project, so their id keeps the keys of different operators apart.
    operation: `${request.method} ${url}${request.operator ? ` ${request.operator.id}` : ''}`,
    key: keyIn(header),
    userId: config.access === 'user' ? signedIn(request).actor.user.id : null,
    content: contentOf(request),
  })
  if (outcome.kind === 'reused') throw new RequestProblem('idempotency_key_reused')
  if (outcome.kind === 'in_flight')
    throw new RequestProblem('idempotency_in_flight', { retryAfterSeconds: 1 })
  if (outcome.kind === 'claimed') {
    request.claim = outcome.claim
    return
  }
  const { status, headers, body, issued }: KeptAnswer = JSON.parse(outcome.answer)
  // The session has ended or the user's epoch has changed: the request is carried out as if it had no key.
  if (issued && !(await isStillIssued(request.context, issued))) return
  return reply.code(status).headers(headers).header('idempotency-replayed', 'true').send(body)
}

/** Stores the answer before it is sent, so that every answer that a client has received is stored. */
async function finish(request: FastifyRequest, reply: FastifyReply, payload: unknown) {
  const { claim } = request
  if (!claim) return payload
  request.claim = null
  const isDone = reply.statusCode >= 200 && reply.statusCode < 300
  try {
    if (isDone) await keepAnswer(request.context, claim, printAnswer(request, reply, payload))
    else await releaseClaim(request.context, claim)
  } catch (error) {
    // The answer is sent all the same. A repetition is refused for a minute, then carried out again.
    request.log.warn({ err: error }, 'The answer for an Idempotency-Key could not be kept')
  }
  return payload
}

export const idempotency = plugin('idempotency', async (api) => {
  api.decorateRequest('claim', null)
  api.decorateRequest('issued', null)
  // Routes that take no key run neither hook.
  api.addHook('onRoute', (route) => {
    const { method, url, schema, config } = route
    const isDocumented = 'idempotency-key' in ((schema?.headers as Fields | undefined)?.properties ?? {})
    if (isDocumented !== Boolean(config?.idempotent) || (isDocumented && !schema?.body))
      throw new Error(`${method} ${url} must declare config.idempotent, the header and a body together.`)
    if (!isDocumented) return
    route.preHandler = [route.preHandler ?? [], begin].flat()
    route.onSend = [route.onSend ?? [], finish].flat()
  })
})
