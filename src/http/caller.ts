// What a request says of who makes it, before anybody has signed in.
import type { FastifyRequest } from 'fastify'
import type { Caller } from '../domain/principal.ts'
import { addressPrefix } from './address.ts'
import { deviceWords } from './device.ts'
import type { Transport } from './views.ts'

/** Who opens a page: known by address and agent alone, and in no project before the page says which. */
export function visitorOf(request: FastifyRequest): Caller {
  return {
    address: request.address,
    addressPrefix: addressPrefix(request.ip),
    userAgent: request.headers['user-agent']?.replaceAll('\0', '').slice(0, 512) ?? null,
    device: deviceWords(request.headers['user-agent'] ?? null),
    provesProject: false,
  }
}

/** The caller of a request: its addresses, its agent, and whether it carries the project's secret. */
export function callerOf(request: FastifyRequest): Caller {
  return { ...visitorOf(request), provesProject: request.provesProject() }
}

/** How the client wants its tokens; the header was validated before. */
export function transportOf(request: FastifyRequest): Transport {
  return request.headers['session-transport'] === 'cookie' ? 'cookie' : 'bearer'
}
