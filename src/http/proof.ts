// The two ways in which a body proves that a mail was read.
import type { Proof } from '../domain/mail-tokens.ts'
import { type FieldErrors, RequestProblem } from './refusal.ts'

/** A token, or an address with a code. @throws RequestProblem with the sentences for what is missing */
export function proofOf(body: { token?: string; email?: string; code?: string }): Proof {
  if (body.token !== undefined) return { token: body.token }
  if (body.email !== undefined && body.code !== undefined) return { email: body.email, code: body.code }
  const errors: FieldErrors = { token: ['Is required, or email together with code.'] }
  if (body.code !== undefined) errors.email = ['Is required with a code.']
  if (body.email !== undefined) errors.code = ['Is required with an email.']
  throw new RequestProblem('validation_failed', { errors })
}
