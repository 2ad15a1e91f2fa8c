// The well-known documents of a domain that passkeys belong to, for browsers and password managers.
import { Type } from '@sinclair/typebox'
import { errorResponses } from './errors.ts'
import { closed, ProjectId } from './primitives.ts'
import { json } from './responses.ts'
import { byAnyone } from './security.ts'

const caching = { 'Cache-Control': { type: 'string', description: 'public, five minutes.' } } as const

const originsResponse = json(
  'The origins.',
  Type.Object({ origins: Type.Array(Type.String({ examples: ['https://app.example.net'] })) }, closed),
  caching,
)

const page = Type.Optional(Type.String({ examples: ['https://app.example.com/account'] }))
const endpointsResponse = json('The addresses.', Type.Object({ enroll: page, manage: page }, closed), caching)

const ofProject = Type.Object({ project_id: ProjectId })

export const relatedOrigins = {
  operationId: 'relatedOrigins',
  tags: ['Operations'],
  summary: 'Get the pages on other domains that may use passkeys of this one (WebAuthn §5.11)',
  description:
    'For browsers: `passkeys.related_origins` of every project whose passkeys belong to the host of PUBLIC_URL. Each project accepts answers from its own origins alone.',
  security: byAnyone,
  response: { 200: originsResponse, ...errorResponses('service_unavailable') },
}

export const projectRelatedOrigins = {
  operationId: 'projectRelatedOrigins',
  tags: ['Operations'],
  summary: 'Get the pages on other domains that may use the passkeys of one project (WebAuthn §5.11)',
  description:
    'For a project with a domain of its own (`passkeys.rp_id`): let that domain answer `/.well-known/webauthn` with it.',
  security: byAnyone,
  params: ofProject,
  response: {
    200: originsResponse,
    ...errorResponses('project_not_found', 'rate_limited', 'service_unavailable'),
  },
}

export const passkeyEndpoints = {
  operationId: 'passkeyEndpoints',
  tags: ['Operations'],
  summary: 'Get the page where people manage their passkeys (W3C Passkey Endpoints)',
  description:
    'For password managers: `passkeys.manage_url` of the default project; an empty object where there is none.',
  security: byAnyone,
  response: { 200: endpointsResponse, ...errorResponses('service_unavailable') },
}

export const projectPasskeyEndpoints = {
  operationId: 'projectPasskeyEndpoints',
  tags: ['Operations'],
  summary: 'Get the page where people manage their passkeys of one project (W3C Passkey Endpoints)',
  description: 'For a project with a domain of its own, as above.',
  security: byAnyone,
  params: ofProject,
  response: {
    200: endpointsResponse,
    ...errorResponses('project_not_found', 'rate_limited', 'service_unavailable'),
  },
}
