// The client of a request, and the context of a page.
import type { FastifyRequest } from 'fastify'
import type { Caller, SessionClient } from '../domain/actor.ts'
import { type Context, createContext, type Services } from '../domain/context.ts'
import type { Project } from '../domain/projects/projects.ts'
import { addressPrefix } from './address.ts'
import { deviceWords } from './device.ts'
import { readHeader } from './request-headers.ts'
import type { Transport } from './views.ts'

/** The client of a request to a project. Each fact is computed when it is read. */
export function callerOf(
  request: FastifyRequest,
  client: SessionClient,
  {
    provesProject = () => request.provesProject(),
    deviceToken = () => null,
  }: { provesProject?: () => boolean; deviceToken?: (request: FastifyRequest) => string | null } = {},
): Caller {
  const userAgent = readHeader(request, 'user-agent')
  return {
    client,
    get address() {
      return request.address
    },
    get addressPrefix() {
      return addressPrefix(request.clientAddress)
    },
    get userAgent() {
      return userAgent?.replaceAll('\0', '').slice(0, 512) ?? null
    },
    get device() {
      return deviceWords(userAgent ?? null)
    },
    get provesProject() {
      return provesProject()
    },
    get deviceToken() {
      return deviceToken(request)
    },
  }
}

/** The context of a page whose link names the project. The visitor is not authenticated. */
export function visitorContext(services: Services, project: Project, request: FastifyRequest): Context {
  const caller = callerOf(request, 'canonical', { provesProject: () => false })
  return createContext(services, project, caller, null)
}

/** How the client wants its tokens; the header was validated before. */
export function transportOf(request: FastifyRequest): Transport {
  return readHeader(request, 'session-transport') === 'cookie' ? 'cookie' : 'bearer'
}
