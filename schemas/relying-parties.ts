// What browsers and password managers read of a domain that passkeys belong to.
import { type TProperties, Type } from '@sinclair/typebox'
import { errorResponses } from './errors.ts'

const json = <T extends TProperties>(description: string, properties: T) => ({
  description,
  content: { 'application/json': { schema: Type.Object(properties, { additionalProperties: false }) } },
})
const caching = { 'Cache-Control': { type: 'string', description: 'public, five minutes.' } } as const
const origins = (description: string) => ({
  ...json(description, { origins: Type.Array(Type.String({ examples: ['https://app.example.net'] })) }),
  headers: caching,
})
const endpoints = (description: string) => ({
  ...json(description, {
    enroll: Type.Optional(Type.String({ examples: ['https://app.example.com/account'] })),
    manage: Type.Optional(Type.String({ examples: ['https://app.example.com/account'] })),
  }),
  headers: caching,
})

const ofProject = Type.Object({
  project_id: Type.String({
    description: 'UUID of the project.',
    examples: ['5e9f2e54-0000-4000-8000-000000000001'],
  }),
})

export const relatedOrigins = {
  operationId: 'relatedOrigins',
  tags: ['Operations'],
  summary: 'Get the pages on other domains that may use passkeys of this one (WebAuthn §5.11)',
  description:
    'For browsers: `passkeys.related_origins` of every project whose passkeys belong to the host of PUBLIC_URL. Each project accepts answers from its own origins alone.',
  security: [{}],
  response: { 200: origins('The origins.'), ...errorResponses('service_unavailable') },
}

export const projectRelatedOrigins = {
  operationId: 'projectRelatedOrigins',
  tags: ['Operations'],
  summary: 'Get the pages on other domains that may use the passkeys of one project (WebAuthn §5.11)',
  description:
    'For a project with a domain of its own (`passkeys.rp_id`): let that domain answer `/.well-known/webauthn` with it.',
  security: [{}],
  params: ofProject,
  response: {
    200: origins('The origins.'),
    ...errorResponses('project_not_found', 'rate_limited', 'service_unavailable'),
  },
}

export const passkeyEndpoints = {
  operationId: 'passkeyEndpoints',
  tags: ['Operations'],
  summary: 'Get the page where people manage their passkeys (W3C Passkey Endpoints)',
  description:
    'For password managers: `passkeys.manage_url` of the default project; an empty object where there is none.',
  security: [{}],
  response: { 200: endpoints('The addresses.'), ...errorResponses('service_unavailable') },
}

export const projectPasskeyEndpoints = {
  operationId: 'projectPasskeyEndpoints',
  tags: ['Operations'],
  summary: 'Get the page where people manage their passkeys of one project (W3C Passkey Endpoints)',
  description: 'For a project with a domain of its own, as above.',
  security: [{}],
  params: ofProject,
  response: {
    200: endpoints('The addresses.'),
    ...errorResponses('project_not_found', 'rate_limited', 'service_unavailable'),
  },
}
