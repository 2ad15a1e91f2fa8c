// The problem document (RFC 9457), the closed list of its codes, and the responses block of a route.
import { Type } from '@sinclair/typebox'
import { Secret, Shared } from './primitives.ts'

export interface ProblemKind {
  readonly status: number
  readonly title: string
  /** The sentence in `message`. */
  readonly message: string
  /** For the code's page of documentation: why it happens and what to do. */
  readonly help: string
}

const kinds = {
  malformed_request: {
    status: 400,
    title: 'Malformed request',
    message: 'The request could not be read.',
    help: 'The body is not valid JSON in UTF-8, or the request breaks HTTP. Nothing was changed. Send well-formed JSON with Content-Type: application/json.',
  },
  project_header_missing: {
    status: 400,
    title: 'Project header missing',
    message: 'Project header missing.',
    help: 'This installation has no default project. Send the header project-id with the UUID of your project.',
  },
  invalid_credentials: {
    status: 401,
    title: 'Invalid credentials',
    message: 'Invalid credentials.',
    help: 'The address is unknown or the password is wrong; which of the two is never told.',
  },
  unauthenticated: {
    status: 401,
    title: 'Unauthenticated',
    message: 'Unauthenticated.',
    help: 'The access token is missing, malformed, expired, of another project, or its session has ended. Refresh, or sign in again. An API key is refused the same way when it is revoked, expired or of another project, and where only a session is taken.',
  },
  invalid_refresh_token: {
    status: 401,
    title: 'Invalid refresh token',
    message: 'Invalid refresh token.',
    help: 'The refresh token is unknown, expired, revoked, of another project, or was used before. A reused token ends its session, because two parties hold it. Sign in again.',
  },
  invalid_project_secret: {
    status: 401,
    title: 'Invalid project secret',
    message: 'The project secret is missing or wrong.',
    help: 'This is for back ends of the application: send the header project-secret with the secret that projects create or projects rotate-secret showed.',
  },
  invalid_social_login: {
    status: 401,
    title: 'Invalid social login',
    message: 'Invalid social login.',
    help: 'The token or code proves nobody: its signature, issuer, audience, time or nonce does not fit, or it was used before. Which of these is never told. Ask the provider for a new one.',
  },
  email_verification_required: {
    status: 403,
    title: 'E-mail verification required',
    message: 'Please verify your e-mail address first.',
    help: 'The project lets nobody in before the address is proven. Follow the link in the mail, or ask for another with POST /api/auth/verify-email/resend.',
  },
  account_disabled: {
    status: 403,
    title: 'Account disabled',
    message: 'This account is disabled.',
    help: 'An operator disabled the account. Only an operator can enable it again.',
  },
  insufficient_scope: {
    status: 403,
    title: 'Insufficient scope',
    message: 'This API key does not have the scope that this needs.',
    help: 'The key is alive, and its scopes do not include this. The header WWW-Authenticate names the one that is missing. Make another key with it; the scopes of a key never change.',
  },
  cross_site_request: {
    status: 403,
    title: 'Cross-site request',
    message: 'This request came from a page that may not use the session cookie.',
    help: 'A request that carries session cookies or asks for them must come from the same origin, or from one of the origins in the policy of the project.',
  },
  team_role_insufficient: {
    status: 403,
    title: 'Team role insufficient',
    message: 'Only an ADMIN of the team can do this.',
    help: 'You are a member of the team, in a role that may read it. An ADMIN of the team can do this, or give you the role.',
  },
  project_not_found: {
    status: 404,
    title: 'Project not found',
    message: 'Project not found.',
    help: 'The header project-id names no project of this installation.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    message: 'Not found.',
    help: 'There is nothing with this id, or it does not belong to the signed-in user. Which of the two is never told.',
  },
  route_not_found: {
    status: 404,
    title: 'Not found',
    message: 'There is nothing at this address.',
    help: 'The path is not one of this API. The whole list stands at /docs.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    message: 'This address does not answer that method.',
    help: 'The path exists with another method; the header Allow lists which.',
  },
  request_timeout: {
    status: 408,
    title: 'Request timeout',
    message: 'The request took too long to arrive.',
    help: 'The whole request must arrive within the time limit. Send it again.',
  },
  team_admin_needed: {
    status: 409,
    title: 'Team needs an ADMIN',
    message: 'The team would be left without an ADMIN.',
    help: 'The last ADMIN of a team can neither leave it nor take another role nor, while it has other members, delete their account. Make another member an ADMIN first, or delete the team.',
  },
  team_limit_reached: {
    status: 409,
    title: 'Team limit reached',
    message: 'There is no room for another one.',
    help: 'The project limits the teams of one user, the members of one team and its open invitations (policy teams). Leave a team, remove a member or revoke an invitation first.',
  },
  api_key_limit_reached: {
    status: 409,
    title: 'API key limit reached',
    message: 'There are as many API keys as this account may have.',
    help: 'Revoke a key that is no longer used, then make the new one. How many an account may have is policy of the project: api_keys.max_per_user.',
  },
  idempotency_in_flight: {
    status: 409,
    title: 'Request in flight',
    message: 'The first request with this Idempotency-Key is still being carried out.',
    help: 'Nothing was done a second time. Ask again with the same key and body after retry_after seconds to get the answer of the first one.',
  },
  body_too_large: {
    status: 413,
    title: 'Body too large',
    message: 'The request body is too large.',
    help: 'Bodies are limited to 64 KiB, a picture to 500 000 characters as a data URI (about 375 000 bytes), however it is sent.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    message: 'The request body must be JSON.',
    help: 'Send Content-Type: application/json; POST /introspect takes a form as well. A picture may also be sent as its bytes, with its own media type.',
  },
  validation_failed: {
    status: 422,
    title: 'Validation failed',
    message: 'The request has fields that need another value.',
    help: 'errors lists every field with its sentences. Nothing was changed.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'Idempotency-Key reused',
    message: 'This Idempotency-Key was used for another request.',
    help: 'A key stands for one request for 24 hours: its body, the ids in its path, session-transport, and whether it carried the project secret. Nothing was changed. Use a new key (a random UUID) for a new request. After five requests that differ a key answers nobody any more.',
  },
  too_many_attempts: {
    status: 429,
    title: 'Too many attempts',
    message: 'Invalid credentials.',
    help: 'Too many failed attempts for this account from this address. Wait retry_after seconds; each further failure doubles the wait.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    message: 'Too many requests. Please wait a moment.',
    help: 'The limit in the headers RateLimit-Policy and RateLimit is used up. Wait retry_after seconds.',
  },
  headers_too_large: {
    status: 431,
    title: 'Headers too large',
    message: 'The request headers are too large.',
    help: 'The headers exceed 16 KiB together.',
  },
  internal_error: {
    status: 500,
    title: 'Internal error',
    message: 'Something went wrong on our side.',
    help: 'This is a defect of the service. The log has the details under the request_id.',
  },
  provider_unavailable: {
    status: 503,
    title: 'Provider unavailable',
    message: 'The sign-in provider cannot be reached right now. Please try again shortly.',
    help: 'The keys or the answer of the provider could not be read, or its client is not set up. Nothing was changed and the token is still good. Try again after retry_after seconds; an operator finds the reason in the log.',
  },
  service_unavailable: {
    status: 503,
    title: 'Service unavailable',
    message: 'The service cannot answer right now. Please try again shortly.',
    help: 'A part of the service (the database, the queue of password hashes, the process itself) is down or full. Nothing was acknowledged. Try again after retry_after seconds.',
  },
} satisfies Record<string, ProblemKind>

export type ProblemCode = keyof typeof kinds
export const problemKinds: Readonly<Record<ProblemCode, ProblemKind>> = kinds
export const problemCodes = Object.keys(kinds) as ProblemCode[]

/** RFC 9457, with our extensions. */
export const Problem = Type.Object(
  {
    type: Type.String({ format: 'uri', description: 'The page that explains the code.' }),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    code: Type.Union(
      problemCodes.map((code) => Type.Literal(code)),
      { description: 'A closed list; decide by this, not by the message.' },
    ),
    message: Type.String({ description: 'A sentence for people.' }),
    request_id: Type.String({ description: 'Names this request in the log.' }),
    errors: Type.Optional(
      Type.Record(Type.String(), Type.Array(Type.String()), {
        description: 'On 422: field name to sentences.',
      }),
    ),
    retry_after: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'On 429, 503 and idempotency_in_flight: seconds, as in the header Retry-After.',
      }),
    ),
    verification_token: Type.Optional(
      Secret(
        Type.String({
          description:
            'On 403 email_verification_required, for a caller with the project secret where applications deliver mail.',
        }),
      ),
    ),
  },
  { $id: 'Problem', additionalProperties: false },
)

export const problemMediaType = 'application/problem+json'

/** Codes that every route can give, whatever it does. */
const everywhere: readonly ProblemCode[] = ['malformed_request', 'internal_error']

/** Codes that every route of a project can give besides. */
const inProject: readonly ProblemCode[] = [
  'project_header_missing',
  'project_not_found',
  'rate_limited',
  'service_unavailable',
]

/** What a route that reads a JSON body can refuse before it looks at any field. */
const beforeFields: readonly ProblemCode[] = ['body_too_large', 'unsupported_media_type']

/** The error half of a GET in a project: its own codes and those of every such route. */
export const readErrors = (...codes: readonly ProblemCode[]) => errorResponses(...inProject, ...codes)

/** The error half of a POST in a project without fields of its own. */
export const actionErrors = (...codes: readonly ProblemCode[]) =>
  readErrors(...beforeFields, 'cross_site_request', ...codes)

/** The error half of a POST in a project with fields. */
export const writeErrors = (...codes: readonly ProblemCode[]) => actionErrors('validation_failed', ...codes)

/** What a route that takes an Idempotency-Key gives besides. */
export const repeatable: readonly ProblemCode[] = ['idempotency_in_flight', 'idempotency_key_reused']

/**
 * The error half of a route's `response`: one entry for each status that its codes have, those of every route
 * included.
 */
export function errorResponses(...codes: readonly ProblemCode[]) {
  const byStatus = new Map<number, ProblemCode[]>()
  for (const code of new Set([...everywhere, ...codes])) {
    const { status } = problemKinds[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const entries = [...byStatus].map(([status, list]) => [status, problemResponse(list)] as const)
  return Object.fromEntries(entries) as Record<number, ReturnType<typeof problemResponse>>
}

function problemResponse(codes: readonly ProblemCode[]) {
  const examples = codes.map((code) => {
    const { status, title, message } = problemKinds[code]
    const value = {
      type: `http://127.0.0.1:3000/problems/${code}`,
      title,
      status,
      code,
      message,
      request_id: '0198f2a4-6f0e-4f6b-9a53-2f6a3c1d9b1e',
      ...(code === 'validation_failed' ? { errors: { email: ['Must be an e-mail address.'] } } : {}),
      ...(status === 429 || status === 503 ? { retry_after: 30 } : {}),
      ...(code === 'idempotency_in_flight' ? { retry_after: 1 } : {}),
    }
    return [code, { value }] as const
  })
  return {
    description: codes.map((code) => `\`${code}\` ${problemKinds[code].message}`).join(' · '),
    'x-codes': [...codes],
    content: {
      [problemMediaType]: { schema: Shared(Problem), examples: Object.fromEntries(examples) },
    },
  }
}
