// The problem map of the canonical API: the codes of the domain and of the wire as problem documents (RFC 9457).
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type ProblemCode, problemKinds, problemMediaType } from '../../schemas/errors.ts'
import { passwordSentences } from '../domain/credentials/password-rules.ts'
import type { AuthErrorCode } from '../domain/errors.ts'
import type { Refusal, RefusalCode } from './refusal.ts'

interface ProblemFacts extends Omit<Refusal, 'code'> {
  readonly code: ProblemCode
}

/** Codes that are not problem codes themselves. */
type MappedCode = Exclude<AuthErrorCode, ProblemCode> | 'broken_text'

const invalidCode = 'This verification code is invalid or has expired.'

/** The problem of each other code; a record is a validation_failed, with the sentence of each field. */
const problemMap: Record<MappedCode, ProblemCode | Readonly<Record<string, string>>> = {
  broken_text: 'validation_failed',
  password_refused: 'validation_failed',
  project_required: 'project_header_missing',
  project_unknown: 'project_not_found',
  event_ahead: { after: 'Must be a cursor that this project’s feed has given.' },
  webhook_unknown: 'not_found',
  delivery_unknown: 'not_found',
  webhook_url_refused: {
    url: 'Must be an https address without a password, and of the own network only where the policy’s webhooks.allow_private_network is true.',
  },
  email_taken: { email: 'This e-mail address already has an account.' },
  address_unproven: { email: 'This e-mail address has not been confirmed in the last minutes.' },
  account_unproven: { email: 'The holder of this account has not proven this address yet.' },
  account_needed: 'unauthenticated',
  account_gone: 'unauthenticated',
  wrong_current_password: { current_password: 'The current password is incorrect.' },
  no_password: { current_password: 'This account has no password.' },
  password_unchanged: { new_password: 'Must differ from the current password.' },
  wrong_password: { password: 'The password is incorrect.' },
  step_up_method_refused: { method: 'This account steps up by another method.' },
  second_factor_method_refused: { method: 'This sign-in is completed by another method.' },
  wrong_factor_code: { code: 'This code is wrong, was used before, or has expired.' },
  totp_already_enrolled: { totp: 'This account has an authenticator app already: remove it first.' },
  factor_needed: { factors: 'This account has no second factor: enrol one first.' },
  factor_unknown: 'not_found',
  metadata_too_large: { metadata: 'Would exceed 16 KiB of JSON together with what is already there.' },
  picture_invalid: {
    avatar:
      'Must be a whole PNG, JPEG, GIF or WebP picture, of the kind it is said to be, at most 8192 pixels on a side.',
  },
  picture_too_large: 'body_too_large',
  invalid_verification_token: { token: 'This verification token is invalid or has expired.' },
  invalid_verification_code: { token: invalidCode, code: invalidCode },
  account_unknown: 'not_found',
  session_unknown: 'not_found',
  not_own_account: 'not_found',
  api_key_unknown: 'not_found',
  expiry_not_ahead: { expires_at: 'Must be an instant in the future, before the year 10000.' },
  expiry_too_far: { expires_at: 'Must be at most one year ahead.' },
  redirect_not_allowed: {
    redirect_to: 'Must be one of the addresses in redirect_urls of the project’s policy, to the letter.',
  },
  logo_not_allowed: { logo_url: 'Must be an address on one of the link origins of the project.' },
  email_sign_in_off: { email: 'This project does not sign people in by mail.' },
  email_unchanged: { new_email: 'This is the address of the account already.' },
  email_change_impossible: {
    token: 'This change can no longer be made: the address belongs to another account.',
  },
  provider_unknown: { provider: 'Must be a provider of this project.' },
  social_email_missing: { id_token: 'Holds no e-mail address: ask the provider for the scope "email".' },
  social_flow_broken: 'invalid_social_login',
  code_challenge_required: {
    code_challenge:
      'Is required: the SHA-256 of a verifier in base64url (RFC 7636, S256), without which no code is given.',
  },
  cookie_flow_impossible: {
    session_transport:
      'Must be bearer: a cookie that is set here is not sent from another site, which the policy’s cookies.same_site is for.',
  },
  identity_taken: { id_token: 'This identity opens another account.' },
  identity_unknown: 'not_found',
  last_way_in: { id: 'This is the only way into the account: set a password or add another way first.' },
  passkey_missing: 'not_found',
  passkey_flow_over: {
    flow: 'Was answered before, has expired, or belongs to another client, session, account or project: ask for new options.',
  },
  passkey_refused: { credential: 'Is not accepted: ask for new options and try again.' },
  too_many_identities: { provider: 'The account has as many identities as it may have.' },
  password_already_set: { new_password: 'This account has a password: change it instead.' },
  overloaded: 'service_unavailable',
  team_unknown: 'not_found',
  team_member_unknown: 'not_found',
  team_invitation_unknown: 'not_found',
  team_name_invalid: { name: 'Must have 1 to 100 characters that can be seen, without line breaks.' },
  team_member_already: { email: 'This is the address of a member already.' },
  team_user_unknown: { email: 'There is no account with this address.' },
  changed_meanwhile: 'precondition_failed',
  role_impossible: {
    scope: 'Must be a project that exists and is not the one of the operators; null: every project.',
  },
  operator_unknown: 'not_found',
  operator_key_unknown: 'not_found',
  signing_key_unknown: 'not_found',
  mail_unknown: 'not_found',
  log_user_invalid: { user: 'Must be an e-mail address, or the UUID of an account.' },
  setup_email_required: { email: 'Is required: the address with which you will sign in.' },
  invalid_setup_link: { token: 'This link has expired, or was used before.' },
  invalid_team_invitation: {
    token: 'This invitation is for another address, has expired, or was accepted or withdrawn.',
  },
}

const isMapped = (code: RefusalCode): code is MappedCode => Object.hasOwn(problemMap, code)

/** The problem of a refusal. */
export function problemFacts({ code, ...facts }: Refusal): ProblemFacts {
  if (!isMapped(code)) return { ...facts, code }
  const problem = problemMap[code]
  if (typeof problem === 'string') return { ...facts, code: problem }
  const errors = Object.fromEntries(Object.entries(problem).map(([field, sentence]) => [field, [sentence]]))
  return { ...facts, code: 'validation_failed', errors }
}

/** The status of a refusal in the canonical API, for contracts without a mapping of their own. */
export const statusOf = (code: RefusalCode): number => problemKinds[problemFacts({ code }).code].status

/**
 * Builds the problem document (RFC 9457 §3).
 * @param publicUrl the base of the URL of the code's page
 */
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
    ...(facts.factors ? { factors: facts.factors } : {}),
    ...(facts.challenge ? { challenge: facts.challenge } : {}),
    ...(facts.passkeyOptions ? { passkey_options: facts.passkeyOptions } : {}),
    ...(facts.credentialId ? { credential_id: facts.credentialId } : {}),
    ...(facts.verificationToken ? { verification_token: facts.verificationToken } : {}),
  }
}

/** Adds the sentence for a refused password, by the name of the route's field for a new password. */
function withPasswordField({ routeOptions }: FastifyRequest, { password, ...refusal }: Refusal): Refusal {
  if (!password) return refusal
  const { properties = {} } = (routeOptions.schema?.body ?? {}) as { properties?: object }
  const field = Object.hasOwn(properties, 'new_password') ? 'new_password' : 'password'
  return { ...refusal, errors: { [field]: [passwordSentences[password.reason](password.minLength)] } }
}

/** RFC 9470 §3: how strongly, and within how many seconds, the user must have been authenticated. */
function stepUpChallenge({ project }: FastifyRequest, factors: Refusal['factors'] = []): string {
  const { max_age_seconds } = project.policy.reauthentication
  const acr = factors.includes('password') || factors.includes('email_code') ? '1' : '2'
  return `Bearer error="insufficient_user_authentication", acr_values="${acr}", max_age="${max_age_seconds}"`
}

/** Builds the answer to refusals: the problem document and its headers. */
export function problemAnswer(publicUrl: string) {
  return (request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply => {
    const facts = problemFacts(withPasswordField(request, refusal))
    const document = problemDocument(facts, publicUrl, request.id)
    if (document.retry_after !== undefined) reply.header('retry-after', document.retry_after)
    if (document.status === 401) reply.header('www-authenticate', 'Bearer')
    if (document.code === 'invalid_project_secret')
      reply.header('www-authenticate', 'Basic realm="project", charset="UTF-8"')
    if (document.code === 'insufficient_scope') {
      const { key } = request.routeOptions.config
      reply.header('www-authenticate', `Bearer error="insufficient_scope", scope="${key}"`)
    }
    if (document.code === 'step_up_required')
      reply.header('www-authenticate', stepUpChallenge(request, facts.factors))
    return reply.code(document.status).type(problemMediaType).send(document)
  }
}
