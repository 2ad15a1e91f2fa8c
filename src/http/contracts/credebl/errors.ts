// How CREDEBL's contract answers refusals: a status, one sentence or a list of them, and the reason phrase.
import { STATUS_CODES } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { type ProblemMap, productAnswer } from '../problem-map.ts'
import type { Rule } from '../validation-messages.ts'

/** Whether the route is the one of that name, under any base. */
const isRoute = ({ routeOptions }: FastifyRequest, name: string) => routeOptions.url?.endsWith(name) ?? false

const deadLink = [400, 'Invalid or expired reset password link'] as const

const problems: ProblemMap = {
  byCode: {
    invalid_credentials: [401, 'Invalid Credentials'],
    email_verification_required: [401, 'Please verify your email'],
    impersonation_refused: [401, 'Unauthorized'],
    sign_up_closed: [400, 'Sign-up is closed'],
    second_factor_required: [401, 'Second factor required'],
    step_up_required: [401, 'Second factor required'],
    account_disabled: [401, 'Account disabled'],
    too_many_attempts: [429, 'Too many attempts, please try again later'],
    invalid_refresh_token: [401, 'Refresh token has expired'],
    password_unchanged: [400, 'New password should not be the current password'],
    invalid_verification_token: deadLink,
    invalid_verification_code: [
      400,
      (request) => (isRoute(request, '/verify') ? 'Invalid verification code or EmailId!' : deadLink[1]),
    ],
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
  },
  byStatus: {
    400: 'Bad Request',
    401: 'Unauthorized',
    403: 'Forbidden',
    404: 'Not Found',
    405: 'Method Not Allowed',
    408: 'Request Timeout',
    409: 'Conflict',
    429: 'Too many requests, please try again later',
    431: 'Request Header Fields Too Large',
    500: 'Something went wrong!',
    503: 'Service unavailable, please try again later',
  },
}

const emailRules: readonly Rule[] = [
  ['email', 'required type', 'Email should be a string'],
  ['email', 'required pattern', 'Email is required'],
  ['email', 'required type format maxLength', 'Please provide a valid email'],
]

/** The rules of a new password, by the name that a route has for it. */
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

/** The sentences for fields, in the documented order. */
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

/** Refusals of fields: their message is a list. */
const listed: ReadonlySet<string> = new Set(['validation_failed', 'password_refused'])

export const answer = productAnswer(problems, (_request, reply, refused) => {
  const { code, status, sentence, fieldSentences } = refused
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  const isList = listed.has(code) && fieldSentences.length > 0
  const message = isList ? fieldSentences : (fieldSentences[0] ?? sentence)
  return { statusCode: status, message, error: STATUS_CODES[status] }
})
