// The problem document (RFC 9457), the closed list of its codes, and the responses block of a route.
import { type Static, Type } from '@sinclair/typebox'
import { closed, factorMethods, Secret, Shared } from './primitives.ts'
import { RequestOptions } from './webauthn.ts'

interface ProblemKind {
  readonly status: number
  readonly title: string
  /** The sentence in `message`. */
  readonly message: string
  /** Cause and remedy, shown on the code's documentation page. */
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
    help: 'The address is unknown or the password is wrong. The answer never says which.',
  },
  unauthenticated: {
    status: 401,
    title: 'Unauthenticated',
    message: 'Unauthenticated.',
    help: 'The access token is missing, malformed, expired, of another project, or its session has ended. Refresh, or sign in again. An API key gets the same answer when it is revoked, expired or of another project, and on routes that need a session.',
  },
  step_up_required: {
    status: 401,
    title: 'Step-up required',
    message: 'Please prove again that this is your account.',
    help: 'This needs a second factor where the account has enrolled one, else the password, or a mailed code where it has none, within the time that the policy sets (reauthentication.max_age_seconds, 5 minutes by default). The member factors lists what the account accepts: send one of them to POST /api/auth/step-up, then repeat the request with the new tokens. Where the body has a field current_password, an account without a second factor may send the password there instead.',
  },
  second_factor_invalid: {
    status: 401,
    title: 'Second factor invalid',
    message: 'This code is not accepted.',
    help: 'The code is wrong, was used before or has expired; or the challenge is unknown, was used, is older than five minutes, got five wrong codes, or belongs to another client. The answer never says which. Try another code; where that fails too, sign in again for another challenge.',
  },
  invalid_refresh_token: {
    status: 401,
    title: 'Invalid refresh token',
    message: 'Invalid refresh token.',
    help: 'The refresh token is unknown, expired, revoked, of another project, or was used before. A reused token ends its session, because two parties have it. Sign in again.',
  },
  invalid_project_secret: {
    status: 401,
    title: 'Invalid project secret',
    message: 'The project secret is missing or wrong.',
    help: 'This route is for back ends of the application. Send the secret that the command projects create or projects rotate-secret printed: in the header project-secret, or where the route says so by HTTP Basic with the id of the project as user (id and secret encoded as in a form), or as client_id and client_secret of a form.',
  },
  invalid_social_login: {
    status: 401,
    title: 'Invalid social login',
    message: 'Invalid social login.',
    help: 'The token or code is not accepted: its signature, issuer, audience, time or nonce is wrong, or it was used before. The answer never says which. Get a new one from the provider.',
  },
  passkey_unknown: {
    status: 401,
    title: 'Passkey unknown',
    message: 'This passkey opens no account here.',
    help: 'The passkey was removed, or its account was. Where the answer has a credential_id, call PublicKeyCredential.signalUnknownCredential with it, so that the authenticator offers the passkey no longer. Without one the passkey is not known to be ours: it may belong to another application on the same domain.',
  },
  email_verification_required: {
    status: 403,
    title: 'E-mail verification required',
    message: 'Please verify your e-mail address first, with the code of the mail.',
    help: 'A strict project allows no sign-in before the address is verified: open the link of the mail, or send its code to POST /api/auth/verify-email/confirm. A factor or a passkey is added only to an account whose signed-in holder has typed such a code: the link alone proves who reads the mail, not who holds the account. Ask for a code with POST /api/auth/verify-email/resend, also where the address counts as verified, and confirm it in the session.',
  },
  second_factor_required: {
    status: 403,
    title: 'Second factor required',
    message: 'A second factor is required to sign in.',
    help: 'The first factor was right. The account has a second factor, or the project demands one (policy factors.required). Send challenge with one of factors and its code to POST /api/auth/login/second-factor within five minutes. For email_code, ask for the mail first: POST /api/auth/login/second-factor/email-code. Nothing is opened before.',
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
    help: 'The key is valid, but it lacks the scope that the header WWW-Authenticate names. Create another key with that scope; the scopes of a key never change.',
  },
  cross_site_request: {
    status: 403,
    title: 'Cross-site request',
    message: 'This request came from a page that may not use the session cookie.',
    help: 'A request that sends session cookies or requests them must come from the same origin, or from one of the origins in the policy of the project.',
  },
  team_role_insufficient: {
    status: 403,
    title: 'Team role insufficient',
    message: 'Only an ADMIN of the team can do this.',
    help: 'Your role in the team may only read. An ADMIN of the team can do this, or make you an ADMIN.',
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
    help: 'The id does not exist, or it does not belong to the signed-in user. The answer never says which.',
  },
  route_not_found: {
    status: 404,
    title: 'Not found',
    message: 'There is nothing at this address.',
    help: 'The path does not exist in this API. /docs lists every route.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    message: 'This address does not answer that method.',
    help: 'The path exists with other methods; the header Allow lists them.',
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
    help: 'Revoke a key that is no longer used, then create the new one. The policy of the project sets the limit: api_keys.max_per_user.',
  },
  passkey_exists: {
    status: 409,
    title: 'Passkey exists',
    message: 'This passkey is registered already.',
    help: 'The authenticator answered with a credential that this project has. Nothing was changed. Pass the excludeCredentials of the options to navigator.credentials.create, and the browser tells this before.',
  },
  passkey_limit_reached: {
    status: 409,
    title: 'Passkey limit reached',
    message: 'There are as many passkeys as this account may have.',
    help: 'An account has at most 25 passkeys. Remove one that is no longer used, then add the new one.',
  },
  idempotency_in_flight: {
    status: 409,
    title: 'Request in flight',
    message: 'The first request with this Idempotency-Key is still being carried out.',
    help: 'Nothing was done a second time. Repeat the request with the same key and body after retry_after seconds to get the answer of the first one.',
  },
  body_too_large: {
    status: 413,
    title: 'Body too large',
    message: 'The request body is too large.',
    help: 'Bodies are limited to 64 KiB, and a picture to 500 000 characters as a data URI, or about 375 000 bytes.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    message: 'The request body must be JSON.',
    help: 'Send Content-Type: application/json; POST /introspect takes a form as well. A picture may also be sent as bytes, with its own media type.',
  },
  validation_failed: {
    status: 422,
    title: 'Validation failed',
    message: 'The request has fields that need another value.',
    help: 'The member errors lists the sentences of each field. Nothing was changed.',
  },
  sign_up_closed: {
    status: 403,
    title: 'Sign-up closed',
    message: 'Accounts of this project are made by its operators.',
    help: 'The policy of the project has sign_up: closed. An operator makes accounts by the admin API, or with: npx . users create.',
  },
  impersonation_refused: {
    status: 403,
    title: 'Not while impersonating',
    message: 'An operator acts as this user, and may not do this.',
    help: 'The session was opened by an operator. What proves or changes who the owner is (password, address, factors, passkeys, identities, API keys), and export and deletion of the account, are for the owner alone. Nothing was changed.',
  },
  impersonation_impossible: {
    status: 409,
    title: 'Impersonation impossible',
    message: 'This account cannot be impersonated.',
    help: 'The account is disabled or to be deleted, has yet to verify its address, or is one of an operator. Nothing was changed.',
  },
  insufficient_role: {
    status: 403,
    title: 'Insufficient role',
    message: 'Your role does not allow this.',
    help: 'The operator, the operator key or the project secret is valid, but its role at this project does not allow the request. docs/security.md has the table of roles; an owner changes them.',
  },
  policy_key_reserved: {
    status: 403,
    title: 'Policy key reserved',
    message: 'This concerns more than the project.',
    help: 'The keys webhooks, audit, limits, mail, lockout, impersonation, passwords.breached_range_url, and providers with a client_secret_env or allow_private_network, concern the whole installation: its network, its secrets, its mail, its evidence. An admin or owner of all projects changes them, or npx . projects policy. Nothing was changed.',
  },
  project_reserved: {
    status: 409,
    title: 'Project reserved',
    message: 'This is the project of the operators.',
    help: 'The built-in project `operators` can be neither renamed nor archived, and has no secret. Its policy can be changed.',
  },
  project_in_use: {
    status: 409,
    title: 'Project in use',
    message: 'The default project cannot be archived.',
    help: 'Requests that name no project are for this one. Nothing was changed.',
  },
  last_owner: {
    status: 409,
    title: 'Last owner',
    message: 'Somebody must remain owner of all projects.',
    help: 'This account is the last one with the role owner for every project that can sign in. Make another one first. Nothing was changed.',
  },
  signing_key_too_young: {
    status: 409,
    title: 'Signing key too young',
    message: 'The next key was published only minutes ago.',
    help: 'Services that verify tokens themselves may not have fetched the next key yet. Wait ten minutes after it was made, or send force: true. Nothing was changed.',
  },
  events_expired: {
    status: 410,
    title: 'Events expired',
    message: 'Events after this cursor were removed.',
    help: 'The reader was away for longer than the policy keeps events (events.retention_days). Read the present state again (GET /users and so on), with the cursor of GET /events?after=latest taken before, and go on from there.',
  },
  webhook_disabled: {
    status: 409,
    title: 'Webhook disabled',
    message: 'This webhook is disabled.',
    help: 'An operator disabled the webhook, or its receiver answered 410 Gone. Enable it first. Nothing was sent.',
  },
  webhook_limit_reached: {
    status: 409,
    title: 'Webhook limit reached',
    message: 'This project has as many webhooks as it may have.',
    help: 'A project has at most 50 webhooks. Remove one first. Nothing was changed.',
  },
  precondition_failed: {
    status: 412,
    title: 'Precondition failed',
    message: 'This was changed since you read it.',
    help: 'If-Match names another state than the present one: another operator was faster. Nothing was changed. Read it again, and decide again.',
  },
  precondition_required: {
    status: 428,
    title: 'Precondition required',
    message: 'Send the ETag that you read as If-Match.',
    help: 'The request changes something that several operators may edit at once. Read it first, and send its ETag in the header If-Match (RFC 6585 §3). Nothing was changed.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'Idempotency-Key reused',
    message: 'This Idempotency-Key was used for another request.',
    help: 'A key belongs to one request for 24 hours: its body, the ids in its path, session-transport, and whether it had the project secret. Nothing was changed. Use a new key (a random UUID) for a new request. After five different requests a key gives no answer any more.',
  },
  too_many_attempts: {
    status: 429,
    title: 'Too many attempts',
    message: 'Invalid credentials.',
    help: 'There were too many failed attempts for this account from this address. Wait retry_after seconds; each further failure doubles the wait.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    message: 'Too many requests. Please try again later.',
    help: 'The limit in the headers RateLimit-Policy and RateLimit is used up. Wait retry_after seconds.',
  },
  headers_too_large: {
    status: 431,
    title: 'Headers too large',
    message: 'The request headers are too large.',
    help: 'All headers together exceed 16 KiB.',
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
    help: 'The keys or the answer of the provider could not be read, or its client is not configured. Nothing was changed, and the token is still valid. Try again after retry_after seconds; the log has the reason.',
  },
  service_unavailable: {
    status: 503,
    title: 'Service unavailable',
    message: 'The service cannot answer right now. Please try again shortly.',
    help: 'A part of the service (the database, the queue of password hashes, the process itself) is down or full. The request was not confirmed. Try again after retry_after seconds.',
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
      { description: 'A closed list. Programs decide by the code, not by the message.' },
    ),
    message: Type.String({ description: 'A sentence for people.' }),
    request_id: Type.String({ description: 'Identifies this request in the log.' }),
    errors: Type.Optional(
      Type.Record(Type.String(), Type.Array(Type.String()), {
        description: 'On 422: the sentences of each field, by its name.',
      }),
    ),
    retry_after: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'On 429, 503 and idempotency_in_flight: seconds, as in the header Retry-After.',
      }),
    ),
    factors: Type.Optional(
      Type.Array(
        Type.Union((['password', ...factorMethods] as const).map((method) => Type.Literal(method))),
        {
          description:
            'On step_up_required: the methods that POST /step-up accepts. On second_factor_required: those of POST /login/second-factor.',
        },
      ),
    ),
    challenge: Type.Optional(
      Secret(
        Type.String({
          description:
            'On second_factor_required, except from the APIs of products: what POST /login/second-factor completes the sign-in with.',
        }),
      ),
    ),
    passkey_options: Type.Optional(
      Type.Unsafe<Static<typeof RequestOptions>>({
        ...Shared(RequestOptions),
        description:
          'Where factors has passkey: what the browser asks for one with. The answer is the credential of POST /login/second-factor or POST /step-up, and works once.',
      }),
    ),
    credential_id: Type.Optional(
      Type.String({
        description:
          'On passkey_unknown, where the passkey was this project’s: for PublicKeyCredential.signalUnknownCredential.',
      }),
    ),
    verification_token: Type.Optional(
      Secret(
        Type.String({
          description:
            'On 403 email_verification_required, for a caller with the project secret in a project whose application delivers mail.',
        }),
      ),
    ),
  },
  { $id: 'Problem', ...closed },
)

export const problemMediaType = 'application/problem+json'

/** Codes that every route can return. */
const commonCodes: readonly ProblemCode[] = ['malformed_request', 'internal_error']

/** Further codes that every route of a project can return. */
const inProject: readonly ProblemCode[] = [
  'project_header_missing',
  'project_not_found',
  'rate_limited',
  'service_unavailable',
]

/** Codes for a JSON body that is refused before its fields are checked. */
const bodyCodes: readonly ProblemCode[] = ['body_too_large', 'unsupported_media_type']

/** The error responses of a GET in a project: its own codes and those of every such route. */
export const readErrors = (...codes: readonly ProblemCode[]) => errorResponses(...inProject, ...codes)

/** The error responses of a POST in a project without fields of its own. */
export const actionErrors = (...codes: readonly ProblemCode[]) =>
  readErrors(...bodyCodes, 'cross_site_request', ...codes)

/** The error responses of a POST in a project with fields. */
export const writeErrors = (...codes: readonly ProblemCode[]) => actionErrors('validation_failed', ...codes)

/** Further codes of a route that takes an Idempotency-Key. */
export const idempotencyCodes: readonly ProblemCode[] = ['idempotency_in_flight', 'idempotency_key_reused']

/**
 * The error part of a route's `response`: one entry for each status of the given codes and of those that every route has.
 */
export function errorResponses(...codes: readonly ProblemCode[]) {
  const byStatus = new Map<number, ProblemCode[]>()
  for (const code of new Set([...commonCodes, ...codes])) {
    const { status } = problemKinds[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const entries = [...byStatus].map(([status, list]) => [status, problemResponse(list)] as const)
  return Object.fromEntries(entries) as Record<number, ReturnType<typeof problemResponse>>
}

/** The responses of a route with one more code. */
export function withCode(response: Record<number, ReturnType<typeof problemResponse>>, code: ProblemCode) {
  const { status } = problemKinds[code]
  const codes = response[status]?.['x-codes'] ?? []
  return codes.includes(code) ? response : { ...response, [status]: problemResponse([...codes, code]) }
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
      ...(code === 'step_up_required' ? { factors: ['password'] } : {}),
      ...(code === 'second_factor_required'
        ? { factors: ['totp', 'recovery_code'], challenge: 'sfc_Q2hIYlZ0cGx1c2VkLW9uY2UtYW5kLW5ldmVyLWFnYWk' }
        : {}),
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

/** Further codes that every route of the admin API can return. */
const inAdmin: readonly ProblemCode[] = [
  'unauthenticated',
  'insufficient_role',
  'rate_limited',
  'service_unavailable',
]

/** The error responses of a GET of the admin API: its own codes and those of every such route. */
export const adminReadErrors = (...codes: readonly ProblemCode[]) => errorResponses(...inAdmin, ...codes)

/** The error responses of a POST or DELETE of the admin API without fields. */
export const adminActionErrors = (...codes: readonly ProblemCode[]) =>
  adminReadErrors(...bodyCodes, 'cross_site_request', ...codes)

/** The error responses of a POST, PUT or PATCH of the admin API with fields. */
export const adminWriteErrors = (...codes: readonly ProblemCode[]) =>
  adminActionErrors('validation_failed', ...codes)
