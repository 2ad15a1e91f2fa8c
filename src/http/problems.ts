// Every refusal's face in the canonical API: the domain's codes and the wire's own, as problem documents (RFC 9457).
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type ProblemCode, problemKinds, problemMediaType } from '../../schemas/errors.ts'
import type { AuthErrorCode } from '../domain/errors.ts'
import type { FieldErrors, Refusal, RefusalCode } from './refusal.ts'

interface Face {
  readonly code: ProblemCode
  readonly errors?: FieldErrors | undefined
}

const faces: Record<AuthErrorCode | 'broken_text', Face> = {
  broken_text: { code: 'validation_failed' },
  project_required: { code: 'project_header_missing' },
  project_unknown: { code: 'project_not_found' },
  invalid_credentials: { code: 'invalid_credentials' },
  too_many_attempts: { code: 'too_many_attempts' },
  account_disabled: { code: 'account_disabled' },
  email_taken: {
    code: 'validation_failed',
    errors: { email: ['This e-mail address already has an account.'] },
  },
  address_unproven: {
    code: 'validation_failed',
    errors: { email: ['This e-mail address has not been confirmed in the last hour.'] },
  },
  email_verification_required: { code: 'email_verification_required' },
  unauthenticated: { code: 'unauthenticated' },
  account_gone: { code: 'unauthenticated' },
  invalid_refresh_token: { code: 'invalid_refresh_token' },
  wrong_current_password: {
    code: 'validation_failed',
    errors: { current_password: ['The current password is incorrect.'] },
  },
  no_password: {
    code: 'validation_failed',
    errors: { current_password: ['This account has no password.'] },
  },
  password_unchanged: {
    code: 'validation_failed',
    errors: { new_password: ['Must differ from the current password.'] },
  },
  current_password_required: {
    code: 'validation_failed',
    errors: { current_password: ['Is required.'] },
  },
  recent_sign_in_required: {
    code: 'validation_failed',
    errors: {
      current_password: ['This account has no password: sign in again, then repeat this at once.'],
    },
  },
  metadata_too_large: {
    code: 'validation_failed',
    errors: { metadata: ['Would exceed 16 KiB of JSON together with what is already there.'] },
  },
  picture_invalid: {
    code: 'validation_failed',
    errors: {
      avatar: [
        'Must be a whole PNG, JPEG, GIF or WebP picture, of the kind it is said to be, at most 8192 pixels on a side.',
      ],
    },
  },
  picture_too_large: { code: 'body_too_large' },
  invalid_verification_token: {
    code: 'validation_failed',
    errors: { token: ['This verification token is invalid or has expired.'] },
  },
  invalid_verification_code: {
    code: 'validation_failed',
    errors: {
      token: ['This verification code is invalid or has expired.'],
      code: ['This verification code is invalid or has expired.'],
    },
  },
  account_unknown: { code: 'not_found' },
  session_unknown: { code: 'not_found' },
  not_own_account: { code: 'not_found' },
  api_key_unknown: { code: 'not_found' },
  api_key_limit_reached: { code: 'api_key_limit_reached' },
  expiry_not_ahead: {
    code: 'validation_failed',
    errors: { expires_at: ['Must be an instant in the future, before the year 10000.'] },
  },
  redirect_not_allowed: {
    code: 'validation_failed',
    errors: { redirect_to: ['Must be an address on one of the link origins of the project.'] },
  },
  logo_not_allowed: {
    code: 'validation_failed',
    errors: { logo_url: ['Must be an address on one of the link origins of the project.'] },
  },
  email_unchanged: {
    code: 'validation_failed',
    errors: { new_email: ['This is the address of the account already.'] },
  },
  email_change_impossible: {
    code: 'validation_failed',
    errors: { token: ['This change can no longer be made: the address belongs to another account.'] },
  },
  provider_unknown: {
    code: 'validation_failed',
    errors: { provider: ['Must be a provider of this project.'] },
  },
  provider_unavailable: { code: 'provider_unavailable' },
  invalid_social_login: { code: 'invalid_social_login' },
  social_email_missing: {
    code: 'validation_failed',
    errors: { id_token: ['Holds no e-mail address: ask the provider for the scope "email".'] },
  },
  social_flow_broken: { code: 'invalid_social_login' },
  identity_taken: {
    code: 'validation_failed',
    errors: { id_token: ['This identity opens another account.'] },
  },
  identity_unknown: { code: 'not_found' },
  last_way_in: {
    code: 'validation_failed',
    errors: { id: ['This is the only way into the account: set a password first.'] },
  },
  too_many_identities: {
    code: 'validation_failed',
    errors: { provider: ['The account has as many identities as it may have.'] },
  },
  password_already_set: {
    code: 'validation_failed',
    errors: { new_password: ['This account has a password: change it instead.'] },
  },
  overloaded: { code: 'service_unavailable' },
  team_unknown: { code: 'not_found' },
  team_member_unknown: { code: 'not_found' },
  team_invitation_unknown: { code: 'not_found' },
  team_name_invalid: {
    code: 'validation_failed',
    errors: { name: ['Must have 1 to 100 characters that can be seen, without line breaks.'] },
  },
  team_role_insufficient: { code: 'team_role_insufficient' },
  team_admin_needed: { code: 'team_admin_needed' },
  team_member_already: {
    code: 'validation_failed',
    errors: { email: ['This is the address of a member already.'] },
  },
  team_user_unknown: {
    code: 'validation_failed',
    errors: { email: ['There is no account with this address.'] },
  },
  team_limit_reached: { code: 'team_limit_reached' },
  invalid_team_invitation: {
    code: 'validation_failed',
    errors: {
      token: ['This invitation is for another address, has expired, or was accepted or withdrawn.'],
    },
  },
}

export interface ProblemFacts extends Face {
  readonly retryAfterSeconds?: number | undefined
  readonly verificationToken?: string | undefined
}

const isFaced = (code: RefusalCode): code is keyof typeof faces => Object.hasOwn(faces, code)

/** The face of a refusal: one of the domain's has one given above, the wire's own are problems by the same name. */
export function faceOf({ code, ...facts }: Refusal): ProblemFacts {
  return {
    ...facts,
    ...(isFaced(code) ? faces[code] : { code }),
  }
}

/** The status of a refusal in the canonical API, for contracts that have no face of their own for it. */
export const statusOf = (code: RefusalCode): number => problemKinds[faceOf({ code }).code].status

/** Builds the problem document. `publicUrl` is where the page of the code is. */
export function problemDocument(facts: ProblemFacts, publicUrl: string, requestId: string) {
  const { status, title, message } = problemKinds[facts.code]
  const waits = status === 429 || status === 503 || facts.code === 'idempotency_in_flight'
  return {
    type: `${publicUrl}/problems/${facts.code}`,
    title,
    status,
    code: facts.code,
    message,
    request_id: requestId,
    ...(facts.errors ? { errors: facts.errors } : {}),
    ...(waits ? { retry_after: facts.retryAfterSeconds ?? 1 } : {}),
    ...(facts.verificationToken ? { verification_token: facts.verificationToken } : {}),
  }
}

/** Answers with the problem document of a refusal and the headers that belong to it. */
export function problemAnswer(publicUrl: string) {
  return (request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply => {
    const document = problemDocument(faceOf(refusal), publicUrl, request.id)
    if (document.retry_after !== undefined) reply.header('retry-after', document.retry_after)
    if (document.status === 401) reply.header('www-authenticate', 'Bearer')
    if (document.code === 'insufficient_scope') {
      const { key } = request.routeOptions.config
      reply.header('www-authenticate', `Bearer error="insufficient_scope", scope="${key}"`)
    }
    return reply.code(document.status).type(problemMediaType).send(document)
  }
}
