// Every refusal's face in NodeLoom's contract: status, reason phrase, sentence, instant and path.
import { STATUS_CODES } from 'node:http'
import type { Answer, RefusalCode } from '../../refusal.ts'
import { type Face, faceByStatus } from '../faces.ts'
import type { Rule } from '../sentences.ts'

const malformed: Face = [400, 'Malformed request']
const unauthenticated: Face = [401, 'Invalid or expired session']
const forbidden: Face = [403, 'Forbidden']
const notFound: Face = [404, 'Not found']
const tooMany: Face = [429, 'Too many requests']
const unavailable: Face = [503, 'Service unavailable']
const failed: Face = [500, 'Internal server error']

/**
 * What the routes of this contract come to; any other code has its canonical status and the sentence of that. Its
 * documents know 400, 401, 403, 404 and 429: what the canonical API has finer statuses for is one of these.
 */
const faces: Partial<Record<RefusalCode, Face>> = {
  invalid_credentials: [401, 'Invalid credentials'],
  account_disabled: [401, 'Account is disabled'],
  email_verification_required: [401, 'Email address is not verified'],
  too_many_attempts: [429, 'Too many failed attempts, please try again later'],
  unauthenticated,
  team_unknown: [404, 'Team not found'],
  team_member_unknown: [404, 'Team member not found'],
  team_name_invalid: [400, 'Team name must have 1 to 100 characters, without line breaks'],
  team_role_insufficient: [403, 'ADMIN role required'],
  team_admin_needed: [400, 'Team must have at least one ADMIN'],
  team_member_already: [400, 'User is already a member of the team'],
  team_user_unknown: [400, 'User not found'],
  team_limit_reached: [400, 'Team limit reached'],
  overloaded: unavailable,
  malformed_request: malformed,
  broken_text: malformed,
  validation_failed: malformed,
  body_too_large: [413, 'Request body too large'],
  unsupported_media_type: [415, 'Content type must be application/json'],
  cross_site_request: [403, 'Cross-site request refused'],
  route_not_found: notFound,
  method_not_allowed: [405, 'Method not allowed'],
  not_found: notFound,
  rate_limited: tooMany,
  service_unavailable: unavailable,
  internal_error: failed,
}

const otherwise = faceByStatus(
  {
    401: unauthenticated,
    403: forbidden,
    404: notFound,
    429: tooMany,
    503: unavailable,
  },
  malformed,
  failed,
)

/** What is said of each field; of several fields, all of it. */
export const rules: readonly Rule[] = [
  ['email', 'required', 'Email is required'],
  ['email', 'type format maxLength', 'Email must be valid'],
  ['password', 'required type minLength', 'Password is required'],
  ['password', 'maxLength', 'Password is too long'],
  ['name', 'required type', 'Team name is required'],
  ['name', 'maxLength', 'Team name must have 1 to 100 characters, without line breaks'],
  ['role', 'required', 'Role is required'],
  ['role', 'type enum', 'Role must be ADMIN, BUILDER, OPERATOR or VIEWER'],
]

/** Builds the answer. `cookieName` is the session's: who sent none is told to authenticate. */
export const answerWith =
  (cookieName: string): Answer =>
  (request, reply, { code, errors, retryAfterSeconds }) => {
    const [status, sentence] = faces[code] ?? otherwise(code)
    const broken = code === 'validation_failed' ? Object.values(errors ?? {}).flat() : []
    const message =
      code === 'unauthenticated' && request.cookies[cookieName] === undefined
        ? 'Authentication required'
        : broken.join('; ') || sentence
    const waits = retryAfterSeconds ?? 1
    if (status === 429 || status === 503) reply.header('retry-after', waits)
    // Where nothing could be counted there is nothing to be had before then.
    if (!reply.hasHeader('x-ratelimit-limit')) showLimit(reply, { max: 0, remaining: 0, leftSeconds: waits })
    return reply
      .code(status)
      .type('application/json; charset=utf-8')
      .send({
        status,
        error: STATUS_CODES[status] ?? 'Error',
        message,
        timestamp: new Date().toISOString(),
        path: request.originalUrl.split('?', 1)[0],
      })
  }

/** The three headers of every answer. */
export function showLimit(
  reply: Parameters<Answer>[1],
  { max, remaining, leftSeconds }: { max: number; remaining: number; leftSeconds: number },
): void {
  reply.headers({
    'x-ratelimit-limit': max,
    'x-ratelimit-remaining': remaining,
    'x-ratelimit-reset': Math.ceil(Date.now() / 1000) + leftSeconds,
  })
}
