// Access tokens (RFC 9068), verified with the key set of the service.
import { isAlgorithm, type KeySet } from './key-set.js'

/** Who is signed in, and how, as an access token says. */
export interface Session {
  /** UUID of the user. */
  readonly userId: string
  /** UUID of the session. */
  readonly sessionId: string
  readonly role: string | null
  /** `'2'` with a second factor or a passkey, else `'1'`. */
  readonly acr: string
  /** How the user was authenticated (RFC 8176), such as `['pwd']`. */
  readonly amr: readonly string[]
  /** When the user was authenticated last. */
  readonly authTime: Date
  readonly issuedAt: Date
  readonly expiresAt: Date
  /** The API that opened the session, such as `'canonical'`. */
  readonly clientId: string | null
  /** UUID of the operator who acts as the user; null for the user. */
  readonly impersonatedBy: string | null
  /** The token itself, for requests to the service on behalf of the user. */
  readonly accessToken: string
}

/** The result of a verification: valid, expired but genuine, or invalid. */
export type Verdict =
  | { readonly kind: 'valid'; readonly session: Session; readonly secondsLeft: number }
  | { readonly kind: 'expired' }
  | { readonly kind: 'invalid' }

export interface VerifierOptions {
  readonly keys: KeySet
  readonly issuers: readonly string[]
  readonly audience: string
}

/** Seconds that the clocks of the service's machines may differ by. */
const leewaySeconds = 5

const invalid: Verdict = { kind: 'invalid' }
const shape = /^[\w-]+\.[\w-]+\.[\w-]+$/
const maxLength = 16_384

function bytesOf(text: string): Uint8Array {
  const binary = atob(text.replace(/-/g, '+').replace(/_/g, '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}

function objectOf(part: string): Record<string, unknown> {
  const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytesOf(part)))
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new TypeError('No object.')
  return parsed as Record<string, unknown>
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

/** The header, the claims and the signature of a token; null for a text that is none. */
function parse(token: string) {
  if (token.length > maxLength || !shape.test(token)) return null
  const [head = '', body = '', tail = ''] = token.split('.')
  try {
    const signed = new TextEncoder().encode(`${head}.${body}`)
    return { header: objectOf(head), claims: objectOf(body), signed, signature: bytesOf(tail) }
  } catch {
    return null
  }
}

function sessionOf(claims: Record<string, unknown>, accessToken: string): Session | null {
  const { sub, sid, role, acr, amr, auth_time, iat, exp, client_id, act } = claims
  if (!isText(sub) || !isText(sid) || !isTime(iat) || !isTime(exp)) return null
  const operator = (act as { sub?: unknown } | undefined)?.sub
  return {
    userId: sub,
    sessionId: sid,
    role: isText(role) ? role : null,
    acr: isText(acr) ? acr : '1',
    amr: Array.isArray(amr) ? amr.filter(isText) : [],
    authTime: new Date((isTime(auth_time) ? auth_time : iat) * 1000),
    issuedAt: new Date(iat * 1000),
    expiresAt: new Date(exp * 1000),
    clientId: isText(client_id) ? client_id : null,
    impersonatedBy: act === undefined ? null : isText(operator) ? operator : 'unknown',
    accessToken,
  }
}

/**
 * Creates the function that verifies tokens (RFC 9068 §4): type, algorithm, signature, issuer, audience, expiry.
 *
 * @returns a function that throws ServiceUnavailableError where the key is unknown and the service cannot be asked
 */
export function createVerifier({
  keys,
  issuers,
  audience,
}: VerifierOptions): (token: string) => Promise<Verdict> {
  return async (token) => {
    const parsed = parse(token)
    if (!parsed) return invalid
    const { header, claims, signed, signature } = parsed
    const { alg, kid, typ, crit } = header
    // The whole media type is allowed, too (RFC 9068 §4, step 1).
    if (!isText(typ) || !/^(?:application\/)?at\+jwt$/i.test(typ)) return invalid
    if (!isAlgorithm(alg) || !isText(kid) || crit !== undefined) return invalid
    if (!(await keys.verify(kid, alg, signature, signed).catch(rethrowUnavailable))) return invalid
    const { iss, aud, nbf } = claims
    const session = sessionOf(claims, token)
    if (!session || !isText(iss) || !issuers.includes(iss)) return invalid
    if (aud !== audience && !(Array.isArray(aud) && aud.includes(audience))) return invalid
    const now = keys.now()
    if (isTime(nbf) && nbf > now + leewaySeconds) return invalid
    const secondsLeft = session.expiresAt.getTime() / 1000 - now
    return secondsLeft + leewaySeconds <= 0 ? { kind: 'expired' } : { kind: 'valid', session, secondsLeft }
  }
}

/** A key or signature that WebCrypto cannot read verifies nothing. */
function rethrowUnavailable(error: unknown): false {
  if (error instanceof Error && error.name === 'ServiceUnavailableError') throw error
  return false
}
