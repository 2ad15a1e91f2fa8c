// How NodeLoom's contract answers refusals: status, reason phrase, sentence, instant and path.
import { STATUS_CODES } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { Answer } from '../../refusal.ts'
import { type ProblemMap, productAnswer } from '../problem-map.ts'
import type { Rule } from '../validation-messages.ts'

/**
 * NodeLoom documents 400, 401, 403, 404 and 429. A canonical status that is not listed below is answered as 400 or 500.
 * @param cookieName the session's cookie; without it the sentence of 401 asks to authenticate
 */
const problems = (cookieName: string): ProblemMap => ({
  byCode: {
    invalid_credentials: [401, 'Invalid credentials'],
    account_disabled: [401, 'Account is disabled'],
    email_verification_required: [401, 'Email address is not verified'],
    impersonation_refused: [401, 'Invalid or expired session'],
    sign_up_closed: [400, 'Sign-up is closed'],
    second_factor_required: [401, 'Second factor required'],
    step_up_required: [401, 'Second factor required'],
    too_many_attempts: [429, 'Too many failed attempts, please try again later'],
    unauthenticated: [
      401,
      ({ cookies }) =>
        cookies[cookieName] === undefined ? 'Authentication required' : 'Invalid or expired session',
    ],
    team_unknown: [404, 'Team not found'],
    team_member_unknown: [404, 'Team member not found'],
    team_name_invalid: [400, 'Team name must have 1 to 100 characters, without line breaks'],
    team_role_insufficient: [403, 'ADMIN role required'],
    team_admin_needed: [400, 'Team must have at least one ADMIN'],
    team_member_already: [400, 'User is already a member of the team'],
    team_user_unknown: [400, 'User not found'],
    team_limit_reached: [400, 'Team limit reached'],
    cross_site_request: [403, 'Cross-site request refused'],
  },
  byStatus: {
    400: 'Malformed request',
    401: 'Invalid or expired session',
    403: 'Forbidden',
    404: 'Not found',
    405: 'Method not allowed',
    429: 'Too many requests',
    500: 'Internal server error',
    503: 'Service unavailable',
  },
})

/** The sentences for fields; those of several fields are joined. */
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

/**
 * Builds the answer.
 * @param cookieName the session's cookie
 */
export function nodeloomAnswer(cookieName: string): Answer {
  return productAnswer(problems(cookieName), (request, reply, refused) => {
    const { status, sentence, fieldSentences, retryAfterSeconds } = refused
    // A request that was not counted has no limit headers yet.
    if (!reply.hasHeader('x-ratelimit-limit'))
      setRateLimitHeaders(reply, { max: 0, remaining: 0, leftSeconds: retryAfterSeconds })
    return {
      status,
      error: STATUS_CODES[status] ?? 'Error',
      message: fieldSentences.join('; ') || sentence,
      timestamp: new Date().toISOString(),
      path: request.originalUrl.split('?', 1)[0],
    }
  })
}

/** Sets the three headers that every answer has. */
export function setRateLimitHeaders(
  reply: FastifyReply,
  { max, remaining, leftSeconds }: { max: number; remaining: number; leftSeconds: number },
): void {
  reply.headers({
    'x-ratelimit-limit': max,
    'x-ratelimit-remaining': remaining,
    'x-ratelimit-reset': Math.ceil(Date.now() / 1000) + leftSeconds,
  })
}
