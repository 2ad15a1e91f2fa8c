// Authentication of a back end as an OAuth client (RFC 6749 §2.3.1): the project's id and secret by HTTP Basic or in a form.
// Only for routes with `oauthClient`. The form is read before the project is found, because it names the project.
import { Readable } from 'node:stream'
import type { FastifyRequest, preParsingHookHandler } from 'fastify'
import { isUuid } from '../../formats.ts'
import { RequestProblem } from '../refusal.ts'
import { readHeader } from '../request-headers.ts'
import { plugin } from './plugin.ts'

/** A project's id and secret as a client presents them. */
export interface ClientCredentials {
  readonly method: 'basic' | 'form'
  /** UUID of a project, in lower case; it may be unknown. */
  readonly projectId: string
  readonly secret: string
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set where an OAuth client authenticates, on routes with `oauthClient`. */
    clientCredentials: ClientCredentials | null
    /** The body, where it was read before it is parsed. */
    readForm: Buffer | null
  }
}

const formMediaType = /^application\/x-www-form-urlencoded *(?:;|$)/i

/** Decodes a part of HTTP Basic, which is form-encoded (RFC 6749 §2.3.1); null for any other text. */
function decodePart(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return null
  }
}

/** Null for a user that is not a UUID: such credentials are for a proxy in front of the service. */
function credentialsOf(
  method: ClientCredentials['method'],
  id: string | null,
  secret: string | null,
): ClientCredentials | null {
  if (id === null || secret === null || !isUuid(id)) return null
  return { method, projectId: id.toLowerCase(), secret }
}

/** The credentials of HTTP Basic (RFC 7617); null where there are none of a project. */
export function basicCredentials(request: FastifyRequest): ClientCredentials | null {
  const [, encoded] =
    /^basic +([A-Za-z0-9+/_-]+=*) *$/i.exec(readHeader(request, 'authorization') ?? '') ?? []
  if (encoded === undefined) return null
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0) return null
  return credentialsOf('basic', decodePart(text.slice(0, colon)), decodePart(text.slice(colon + 1)))
}

function formCredentials(form: Buffer): ClientCredentials | null {
  const fields = new URLSearchParams(form.toString('utf8'))
  return credentialsOf('form', fields.get('client_id'), fields.get('client_secret'))
}

/** Reads a body and keeps the connection open for the refusal. @throws RequestProblem body_too_large, malformed_request */
function readBody({ raw, routeOptions }: FastifyRequest): Promise<Buffer> {
  const { bodyLimit = Number.POSITIVE_INFINITY } = routeOptions
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let bytes = 0
    raw.on('data', (part: Buffer) => {
      bytes += part.length
      if (bytes <= bodyLimit) parts.push(part)
      else reject(new RequestProblem('body_too_large'))
    })
    raw.once('end', () => resolve(Buffer.concat(parts)))
    raw.once('error', reject)
    raw.once('close', () => reject(new RequestProblem('malformed_request')))
  })
}

async function findCredentials(request: FastifyRequest): Promise<ClientCredentials | null> {
  const basic = basicCredentials(request)
  if (basic || !formMediaType.test(readHeader(request, 'content-type') ?? '')) return basic
  request.readForm = await readBody(request)
  return formCredentials(request.readForm)
}

/** Gives the parser the body that was already read; for routes with `oauthClient`. */
export const parseReadForm: preParsingHookHandler = (request, _reply, payload, done) => {
  done(null, request.readForm ? Readable.from([request.readForm]) : payload)
}

/** Sets `request.clientCredentials`. To be registered before the plugin `project`, which finds the project by them. */
export const clientAuthentication = plugin('client-authentication', async (api) => {
  api.decorateRequest('clientCredentials', null)
  api.decorateRequest('readForm', null)
  api.addHook('onRequest', (request, _reply, done) => {
    // The header project-secret authenticates the client; Authorization may then be for a proxy in front.
    if (!request.declared.oauthClient || readHeader(request, 'project-secret') !== undefined) return done()
    findCredentials(request).then((found) => {
      request.clientCredentials = found
      done()
    }, done)
  })
})
