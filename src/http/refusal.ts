// Refusals by code, before an edge maps them to its own answer: the domain's, and those of the HTTP side itself.
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import {
  AuthError,
  type AuthErrorCode,
  type AuthErrorDetails,
  type PasswordFault,
  ProblemsError,
  type StepUpFactor,
} from '../domain/errors.ts'

/** Codes of refusals that the HTTP side makes. */
type WireCode =
  | 'malformed_request'
  | 'body_too_large'
  | 'unsupported_media_type'
  | 'headers_too_large'
  | 'request_timeout'
  | 'validation_failed'
  | 'broken_text'
  | 'cross_site_request'
  | 'insufficient_scope'
  | 'insufficient_role'
  | 'precondition_required'
  | 'invalid_project_secret'
  | 'route_not_found'
  | 'method_not_allowed'
  | 'not_found'
  | 'idempotency_in_flight'
  | 'idempotency_key_reused'
  | 'rate_limited'
  | 'service_unavailable'
  | 'internal_error'

export type RefusalCode = AuthErrorCode | WireCode

/** Sentences by the name of the field. */
export type FieldErrors = Record<string, string[]>

export interface Refusal {
  readonly code: RefusalCode
  readonly errors?: FieldErrors | undefined
  readonly retryAfterSeconds?: number | undefined
  readonly verificationToken?: string | undefined
  /** Only with `passkey_unknown`. */
  readonly credentialId?: string | undefined
  /** Only with `password_refused`. */
  readonly password?: PasswordFault | undefined
  readonly factors?: readonly StepUpFactor[] | undefined
  readonly challenge?: string | undefined
  readonly passkeyOptions?: AuthErrorDetails['passkeyOptions'] | undefined
}

/** Answers a refusal with an edge's own status, headers and body. */
export type Answer = (request: FastifyRequest, reply: FastifyReply, refusal: Refusal) => FastifyReply

/** A refusal that the HTTP side makes. */
export class RequestProblem extends Error {
  readonly code: WireCode
  readonly errors: FieldErrors | undefined
  readonly retryAfterSeconds: number | undefined
  constructor(code: WireCode, facts: { errors?: FieldErrors; retryAfterSeconds?: number } = {}) {
    super(code)
    this.name = 'RequestProblem'
    this.code = code
    this.errors = facts.errors
    this.retryAfterSeconds = facts.retryAfterSeconds
  }
}

/** The refusal of one field. @param sentence what its value must be */
export const invalidField = (field: string, sentence: string): RequestProblem =>
  new RequestProblem('validation_failed', { errors: { [field]: [sentence] } })

/** The refusal of a request without a field that it needs. */
export const missingField = (field: string): RequestProblem => invalidField(field, 'Is required.')

/** Fastify's own errors by code; every other one with a status below 500 is a malformed request. */
const fastifyCodes: Record<string, WireCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_EMPTY_TYPE: 'unsupported_media_type',
  FST_ERR_MAX_PARAM_LENGTH: 'route_not_found',
  FST_ERR_REQUEST_TIMEOUT: 'request_timeout',
}

/** The sentences about what an operator wrote, by the key that each names at its beginning, else of the whole body. */
function problemsByField({ problems }: ProblemsError): FieldErrors {
  // Without a prototype: an operator may have written `constructor`.
  const fields: FieldErrors = Object.create(null)
  for (const problem of problems) {
    const [, key = 'body', sentence = problem] = /^([a-z_][\w.-]*): (.+)$/s.exec(problem) ?? []
    fields[key] = [...(fields[key] ?? []), sentence]
  }
  return fields
}

/** The refusal that an error means; null: the error is a failure of ours. */
export function refusalOf(error: unknown): Refusal | null {
  if (error instanceof AuthError) return { code: error.code, ...error.details }
  if (error instanceof RequestProblem) {
    const { code, errors, retryAfterSeconds } = error
    return { code, ...(errors ? { errors } : {}), retryAfterSeconds }
  }
  if (error instanceof ProblemsError) return { code: 'validation_failed', errors: problemsByField(error) }
  const { statusCode = 500, code } = (error ?? {}) as Partial<FastifyError>
  return statusCode < 500 ? { code: fastifyCodes[String(code)] ?? 'malformed_request' } : null
}
