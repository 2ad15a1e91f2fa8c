// The client of a request, and the context of a page.
import type { FastifyRequest } from 'fastify'
import type { Caller, SessionClient } from '../domain/actor.ts'
import { type Context, createContext, type Services } from '../domain/context.ts'
import type { Project } from '../domain/projects/projects.ts'
import { addressPrefix } from './address.ts'
import { deviceWords } from './device.ts'
import { readHeader } from './request-headers.ts'
import type { Transport } from './views.ts'

interface Presented {
  /** Whether the request carries the project's secret; default: as `request.provesProject`. */
  readonly provesProject?: () => boolean
  /** Reads the token of a trusted device; default: none. */
  readonly deviceToken?: (request: FastifyRequest) => string | null
}

/** Computes each fact when it is read. A class, because every request creates one: a literal with getters takes a kilobyte. */
class RequestCaller implements Caller {
  readonly client: SessionClient
  readonly #request: FastifyRequest
  readonly #presented: Presented

  constructor(request: FastifyRequest, client: SessionClient, presented: Presented) {
    this.client = client
    this.#request = request
    this.#presented = presented
  }

  get address(): string {
    return this.#request.address
  }
  get addressPrefix(): string | null {
    return addressPrefix(this.#request.clientAddress)
  }
  get userAgent(): string | null {
    return readHeader(this.#request, 'user-agent')?.replaceAll('\0', '').slice(0, 512) ?? null
  }
  get device(): string {
    return deviceWords(readHeader(this.#request, 'user-agent') ?? null)
  }
  get provesProject(): boolean {
    return this.#presented.provesProject?.() ?? this.#request.provesProject()
  }
  get deviceToken(): string | null {
    return this.#presented.deviceToken?.(this.#request) ?? null
  }
}

const nothingPresented: Presented = {}

/** The client of a request to a project. */
export const callerOf = (
  request: FastifyRequest,
  client: SessionClient,
  presented: Presented = nothingPresented,
): Caller => new RequestCaller(request, client, presented)

/** The context of a page whose link names the project. The visitor is not authenticated. */
export function visitorContext(services: Services, project: Project, request: FastifyRequest): Context {
  const caller = callerOf(request, 'canonical', { provesProject: () => false })
  return createContext(services, project, caller, null)
}

/** How the client wants its tokens; the header was validated before. */
export function transportOf(request: FastifyRequest): Transport {
  return readHeader(request, 'session-transport') === 'cookie' ? 'cookie' : 'bearer'
}
