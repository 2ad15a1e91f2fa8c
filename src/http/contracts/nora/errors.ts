// How Nora's contract answers refusals: a status and one sentence.
import { bearerToken } from '../../strategies/bearer.ts'
import { type ProblemMap, productAnswer } from '../problem-map.ts'
import type { Rule } from '../validation-messages.ts'

const tooManyAttempts = 'Too many attempts, please try again later'
const noPassword = 'OAuth user — no password to change'

const problems: ProblemMap = {
  byCode: {
    invalid_credentials: [401, 'Invalid email or password'],
    account_disabled: [401, 'Account disabled'],
    email_verification_required: [401, 'Please verify your email'],
    impersonation_refused: [401, 'Invalid or expired token'],
    sign_up_closed: [400, 'Sign-up is closed'],
    second_factor_required: [401, 'Second factor required'],
    step_up_required: [401, 'Second factor required'],
    provider_unknown: [400, 'Unknown provider'],
    invalid_social_login: [401, 'Invalid OAuth token'],
    social_email_missing: [400, 'The provider shares no email address'],
    email_taken: [409, 'Account already exists for this email'],
    unauthenticated: [
      401,
      (request) => (bearerToken(request) ? 'Invalid or expired token' : 'Bearer token required'),
    ],
    account_gone: [404, 'User not found'],
    wrong_current_password: [401, 'Current password is incorrect'],
    no_password: [400, noPassword],
    picture_invalid: [400, 'Invalid avatar format'],
    picture_too_large: [400, 'Image too large. Max 500KB.'],
    rate_limited: [
      429,
      ({ routeOptions }) =>
        routeOptions.config.limit === 'credential'
          ? tooManyAttempts
          : 'Too many requests, please try again later',
    ],
  },
  byStatus: {
    400: 'Malformed request',
    401: 'Invalid or expired token',
    403: 'Forbidden',
    404: 'Not found',
    405: 'Method not allowed',
    408: 'Request timeout',
    409: 'Conflict',
    429: tooManyAttempts,
    431: 'Request headers too large',
    500: 'Internal server error',
    503: 'Service unavailable, please try again later',
  },
}

/** The sentences for the fields of a login. */
export const loginRules: readonly Rule[] = [
  ['email', 'required type pattern', 'Email and password required'],
  ['password', 'required type pattern', 'Email and password required'],
]

const noProof = 'Provider and token required'

/** The sentences for the fields of a login by a provider. */
export const oauthRules: readonly Rule[] = [
  ['provider', 'required type minLength', noProof],
  ['provider', 'maxLength', 'Unknown provider'],
  ['oauthIdToken', 'type minLength', noProof],
  ['oauthIdToken', 'maxLength', 'Invalid OAuth token'],
  ['oauthAccessToken', 'type minLength', noProof],
  ['oauthAccessToken', 'maxLength', 'Invalid OAuth token'],
  ['nonce', 'type maxLength', 'Invalid OAuth token'],
]

/** The sentences for fields of every other route; the first one is sent. */
export const rules: readonly Rule[] = [
  ['currentPassword', 'required type pattern', 'Both passwords required'],
  ['newPassword', 'required type pattern', 'Both passwords required'],
  ['newPassword', 'minLength', 'Password must be at least 8 characters'],
  ['newPassword', 'maxLength', 'Password too long'],
  ['email', 'required type pattern', 'Email is required'],
  ['email', 'maxLength', 'Email too long'],
  ['email', 'format', 'Invalid email format'],
  ['password', 'required type pattern', 'Password is required'],
  ['password', 'minLength', 'Password must be at least 8 characters'],
  ['password', 'maxLength', 'Password too long'],
  ['name', 'type pattern', 'Name must be 1-100 characters'],
  ['avatar', 'type', 'Invalid avatar format'],
]

export const answer = productAnswer(problems, (_request, reply, refused) => {
  const { code, sentence, fieldSentences, retryAfterSeconds } = refused
  // The account is locked, however many requests the client's address has left.
  if (code === 'too_many_attempts')
    reply.headers({ 'ratelimit-remaining': 0, 'ratelimit-reset': retryAfterSeconds })
  return { error: fieldSentences[0] || sentence }
})
