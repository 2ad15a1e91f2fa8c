// Proofs in request bodies: of an e-mail address, and of an identity at a provider.
import type { Proof } from '../domain/credentials/mailed-tokens.ts'
import { type FieldErrors, missingField, RequestProblem } from './refusal.ts'

/** Reads a token, or an address with a code. @throws RequestProblem validation_failed naming the missing fields */
export function proofOf(body: { token?: string; email?: string; code?: string }): Proof {
  if (body.token !== undefined) return { token: body.token }
  if (body.email !== undefined && body.code !== undefined) return { email: body.email, code: body.code }
  const errors: FieldErrors = { token: ['Is required, or email together with code.'] }
  if (body.code !== undefined) errors.email = ['Is required with a code.']
  if (body.email !== undefined) errors.code = ['Is required with an email.']
  throw new RequestProblem('validation_failed', { errors })
}

/** Reads a provider's token. @throws RequestProblem validation_failed without one */
export function proofOfProvider(body: { id_token?: string; access_token?: string; nonce?: string }) {
  const { id_token: idToken, access_token: accessToken, nonce } = body
  if (idToken === undefined && accessToken === undefined) throw missingField('id_token')
  return {
    ...(idToken === undefined ? {} : { idToken }),
    ...(accessToken === undefined ? {} : { accessToken }),
    ...(nonce === undefined ? {} : { nonce }),
  }
}
