// Every refusal's face in CREDEBL's contract: a status, one sentence or a list of them, and the reason phrase.
import { STATUS_CODES } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { statusOf } from '../../problems.ts'
import type { Answer, RefusalCode } from '../../refusal.ts'
import type { Rule } from '../sentences.ts'

type Face = readonly [status: number, sentence: string | ((request: FastifyRequest) => string)]

/** Whether the route is the one of that name, under whichever base. */
const isRoute = ({ routeOptions }: FastifyRequest, name: string) => routeOptions.url?.endsWith(name) ?? false

const malformed: Face = [400, 'Malformed request']
const failed: Face = [500, 'Something went wrong!']
const unavailable: Face = [503, 'Service unavailable, please try again later']
const unauthorized: Face = [401, 'Unauthorized']
const tooMany: Face = [429, 'Too many attempts, please try again later']
const deadLink: Face = [400, 'Invalid or expired reset password link']

/** What the routes of this contract come to; any other code has its canonical status and the reason phrase of that. */
const faces: Partial<Record<RefusalCode, Face>> = {
  invalid_credentials: [401, 'Invalid Credentials'],
  email_verification_required: [401, 'Please verify your email'],
  account_disabled: [401, 'Account disabled'],
  too_many_attempts: tooMany,
  invalid_refresh_token: [401, 'Refresh token has expired'],
  unauthenticated: unauthorized,
  account_gone: unauthorized,
  password_unchanged: [400, 'New password should not be the current password'],
  invalid_verification_token: deadLink,
  invalid_verification_code: deadLink,
  address_unproven: [400, 'Please verify your email'],
  email_taken: [409, 'User already exists'],
  not_own_account: [
    403,
    (request) =>
      isRoute(request, '/reset-password')
        ? 'You are not allowed to reset the password of another user'
        : 'You are not allowed to access sessions of another user',
  ],
  session_unknown: [404, ({ principal }) => `Session not found for userId: ${principal?.user.uuid}`],
  redirect_not_allowed: [
    400,
    (request) =>
      `${isRoute(request, '/forgot-password') ? 'endpoint' : 'clientAlias'} is not an allowed origin`,
  ],
  logo_not_allowed: [400, 'brandLogoUrl is not an allowed origin'],
  overloaded: unavailable,
  malformed_request: malformed,
  broken_text: malformed,
  validation_failed: malformed,
  body_too_large: [413, 'Request body too large'],
  unsupported_media_type: [415, 'Content type must be application/json'],
  rate_limited: [429, 'Too many requests, please try again later'],
  service_unavailable: unavailable,
  internal_error: failed,
}

function otherwise(code: RefusalCode): Face {
  const canonical = statusOf(code)
  const status = canonical === 422 ? 400 : canonical
  return status >= 500 ? failed : [status, STATUS_CODES[status] ?? '']
}

const emailRules: readonly Rule[] = [
  ['email', 'required type', 'Email should be a string'],
  ['email', 'required pattern', 'Email is required'],
  ['email', 'required type format maxLength', 'Please provide a valid email'],
]

/** A new password, as a route spells its name. */
const newPasswordRules = (field: string, name: string): readonly Rule[] => [
  [field, 'required type pattern', `${name} is required.`],
  [field, 'minLength', `${name} must be at least 8 characters`],
  [field, 'maxLength', `${name} must be at most 255 characters`],
]

const nameRules = (field: string, name: string): readonly Rule[] => [
  [field, 'required type', `${name} should be a string`],
  [field, 'required pattern', `${name} is required`],
  [field, 'maxLength', `${name} must be at most 255 characters`],
]

/** What is said of a field, in the documented order. */
export const rules: readonly Rule[] = [
  ...emailRules,
  ['password', 'required type pattern', 'Password is required.'],
  ['password', 'maxLength', 'Password is too long'],
  ['refreshToken', 'required type pattern', 'refreshToken is required.'],
  ['oldPassword', 'required type pattern', 'oldPassword is required.'],
  ['oldPassword', 'maxLength', 'oldPassword is too long'],
  ...newPasswordRules('newPassword', 'newPassword'),
  ['brandLogoUrl', 'type pattern maxLength', 'brandLogoUrl should be a valid URL'],
  ['platformName', 'type', 'platformName should be string'],
  ['endpoint', 'type', 'endpoint should be string'],
  ['clientAlias', 'type', 'clientAlias should be string'],
  ['sessions', 'type', 'sessions must be an array'],
  ['sessions', 'maxItems', 'sessions must contain no more than 1000 elements'],
  ['sessions[]', 'pattern', 'session Id must not be empty'],
  ['sessions[]', 'type', 'each session Id must be a string'],
  ['verificationCode', 'required type pattern maxLength', 'Verification code is required.'],
]

export const passwordResetRules: readonly Rule[] = [
  ...emailRules.slice(-1),
  ...newPasswordRules('password', 'password'),
  ['token', 'required type pattern', 'token is required.'],
]

export const signUpRules: readonly Rule[] = [
  ...emailRules,
  ...nameRules('firstName', 'First name'),
  ...nameRules('lastName', 'Last name'),
  ...newPasswordRules('password', 'Password'),
]

export const answer: Answer = (request, reply, { code, errors, retryAfterSeconds }) => {
  const [status, sentence] = faces[code] ?? otherwise(code)
  const said = code === 'broken_text' ? [] : Object.values(errors ?? {}).flat()
  const [first = typeof sentence === 'string' ? sentence : sentence(request), ...more] = said
  const message = code === 'validation_failed' && said.length > 0 ? [first, ...more] : first
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  if (status === 429 || status === 503) reply.header('retry-after', retryAfterSeconds ?? 1)
  return reply
    .code(status)
    .type('application/json; charset=utf-8')
    .send({ statusCode: status, message, error: STATUS_CODES[status] })
}
