// Every refusal's face in Nora's contract: a status and one sentence.
import type { Answer, RefusalCode } from '../../refusal.ts'
import { bearerToken } from '../../strategies/bearer.ts'
import { type Face, faceByStatus } from '../faces.ts'
import type { Rule } from '../sentences.ts'

const malformed: Face = [400, 'Malformed request']
const notFound: Face = [404, 'Not found']
const failed: Face = [500, 'Internal server error']
const unavailable: Face = [503, 'Service unavailable, please try again later']
const unauthenticated: Face = [401, 'Invalid or expired token']
const tooMany: Face = [429, 'Too many attempts, please try again later']
const noPassword: Face = [400, 'OAuth user — no password to change']

/** What the routes of this contract come to; any other code has its canonical status and the sentence of that. */
const faces: Partial<Record<RefusalCode, Face>> = {
  invalid_credentials: [401, 'Invalid email or password'],
  account_disabled: [401, 'Account disabled'],
  email_verification_required: [401, 'Please verify your email'],
  too_many_attempts: tooMany,
  provider_unknown: [400, 'Unknown provider'],
  invalid_social_login: [401, 'Invalid OAuth token'],
  social_email_missing: [400, 'The provider shares no email address'],
  provider_unavailable: unavailable,
  email_taken: [409, 'Account already exists for this email'],
  unauthenticated,
  account_gone: [404, 'User not found'],
  wrong_current_password: [401, 'Current password is incorrect'],
  password_unchanged: [400, 'New password must differ from the current password'],
  no_password: noPassword,
  recent_sign_in_required: noPassword,
  current_password_required: [400, 'Both passwords required'],
  picture_invalid: [400, 'Invalid avatar format'],
  picture_too_large: [400, 'Image too large. Max 500KB.'],
  overloaded: unavailable,
  malformed_request: malformed,
  broken_text: malformed,
  validation_failed: malformed,
  body_too_large: [413, 'Request body too large'],
  unsupported_media_type: [415, 'Content type must be application/json'],
  headers_too_large: [431, 'Request headers too large'],
  request_timeout: [408, 'Request timeout'],
  cross_site_request: [403, 'Forbidden'],
  route_not_found: notFound,
  method_not_allowed: [405, 'Method not allowed'],
  not_found: notFound,
  rate_limited: [429, 'Too many requests, please try again later'],
  service_unavailable: unavailable,
  internal_error: failed,
}

const otherwise = faceByStatus(
  {
    401: unauthenticated,
    403: [403, 'Forbidden'],
    404: notFound,
    409: [409, 'Conflict'],
    429: tooMany,
    503: unavailable,
  },
  malformed,
  failed,
)

/** What login says of whatever is wrong with either field. */
export const loginRules: readonly Rule[] = [
  ['email', 'required type minLength', 'Email and password required'],
  ['password', 'required type minLength', 'Email and password required'],
]

const noProof = 'Provider and token required'

/** What is said of the fields of a login by a provider. */
export const oauthRules: readonly Rule[] = [
  ['provider', 'required type minLength', noProof],
  ['provider', 'maxLength', 'Unknown provider'],
  ['oauthIdToken', 'type minLength', noProof],
  ['oauthIdToken', 'maxLength', 'Invalid OAuth token'],
  ['oauthAccessToken', 'type minLength', noProof],
  ['oauthAccessToken', 'maxLength', 'Invalid OAuth token'],
  ['nonce', 'type maxLength', 'Invalid OAuth token'],
]

/** What is said of a field, the first that applies. */
export const rules: readonly Rule[] = [
  ['currentPassword', 'required type minLength', 'Both passwords required'],
  ['newPassword', 'required type', 'Both passwords required'],
  ['newPassword', 'minLength', 'Password must be at least 8 characters'],
  ['newPassword', 'maxLength', 'Password too long'],
  ['email', 'required type', 'Email is required'],
  ['email', 'format', 'Invalid email format'],
  ['email', 'maxLength', 'Email too long'],
  ['password', 'required type', 'Password is required'],
  ['password', 'minLength', 'Password must be at least 8 characters'],
  ['password', 'maxLength', 'Password too long'],
  ['name', 'type pattern', 'Name must be 1-100 characters'],
  ['avatar', 'type', 'Invalid avatar format'],
]

export const answer: Answer = (request, reply, { code, errors, retryAfterSeconds }) => {
  const [status, sentence] = faces[code] ?? otherwise(code)
  const guards = request.routeOptions.config.limit === 'credential'
  const said =
    code === 'unauthenticated' && !bearerToken(request)
      ? 'Bearer token required'
      : code === 'rate_limited' && guards
        ? tooMany[1]
        : (code === 'validation_failed' && Object.values(errors ?? {})[0]?.[0]) || sentence
  if (status === 429 || status === 503) reply.header('retry-after', retryAfterSeconds ?? 1)
  return reply.code(status).type('application/json; charset=utf-8').send({ error: said })
}
