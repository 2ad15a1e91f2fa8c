// Verifies an id_token (OpenID Connect Core §2) and reads the profile from it. Claims are checked before keys are fetched, so an
// invalid token causes no call.
import { createHash } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose'
import { isUuid } from '../formats.ts'
import type { KeySets } from './key-sets.ts'
import {
  type Profile,
  ProofRefused,
  type Provider,
  type SingleUse,
  storableEmail,
  storableText,
} from './profile.ts'

/** Asymmetric algorithms only: neither `none` nor HMAC, for which a public key could be used as the secret (RFC 8725 §3.1). */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]

/** Header members that would let a token say which key to trust (RFC 8725 §3.10). */
const keyMembers = ['jku', 'x5u', 'jwk', 'x5c', 'crit', 'b64']

const leewaySeconds = 60
/** Characters: the limit of OpenID Connect Core §2, and of the column. */
const maxSubject = 255

/** @param advice what the operator can do, in a sentence @throws ProofRefused */
function refuse(why: string, advice: string): never {
  throw new ProofRefused(`${why} ${advice}`)
}

const otherToken = 'The application must send the id_token itself, unchanged.'
const notOurs = 'Add the client id of the application to client_ids of this provider, if it is yours.'
const clocks = 'Compare the clock of this machine with the provider’s, and send each token at once.'
const nonces =
  'The application must send the nonce that it gave the provider; where an SDK hides it, set nonce of this provider to optional.'

function checkHeader(token: string): void {
  const header = decodeProtectedHeader(token)
  if (!algorithms.includes(String(header.alg)))
    refuse('The algorithm is not allowed.', 'Configure an asymmetric one, such as RS256, at the provider.')
  if (keyMembers.some((name) => name in header)) refuse('The header names a key of its own.', otherToken)
  // Other tokens of the same issuer (access, logout) have another type (RFC 9068 §2.1).
  if (header.typ !== undefined && String(header.typ).toLowerCase() !== 'jwt')
    refuse('It is no id_token.', otherToken)
}

/** The issuer as accounts store it. The claim must equal the configured one exactly. @throws ProofRefused */
function issuerOf(provider: Provider, { iss, tid }: JWTPayload): string {
  if (provider.issuerAliases.includes(String(iss))) return provider.issuer
  const tenant = typeof tid === 'string' && isUuid(tid) ? tid : null
  const wanted = tenant ? provider.issuer.replace('{tenantid}', tenant) : provider.issuer
  return iss === wanted && !wanted.includes('{')
    ? wanted
    : refuse('Another issuer.', 'Set issuer of this provider to the iss of its tokens, to the letter.')
}

function checkAudience(provider: Provider, { aud, azp }: JWTPayload): void {
  const ours = (value: unknown) => provider.clientIds.includes(String(value))
  const audiences: unknown[] = Array.isArray(aud) ? aud : [aud]
  if (!audiences.some(ours)) refuse('For another audience.', notOurs)
  // OpenID Connect Core §3.1.3.7: with a foreign audience besides, azp must be present and ours.
  const mustName = !audiences.every(ours)
  if (azp === undefined ? mustName : !ours(azp)) refuse('Issued to another party.', notOurs)
}

function checkTime({ exp, iat, nbf }: JWTPayload): Date {
  const now = Date.now() / 1000
  const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
  if (!isTime(exp) || !isTime(iat) || exp > 8e12)
    refuse('Without its time.', 'The provider must set exp and iat in seconds.')
  if (exp <= now - leewaySeconds) refuse('Expired.', clocks)
  if (iat > now + leewaySeconds || (isTime(nbf) && nbf > now + leewaySeconds))
    refuse('Of the future.', clocks)
  return new Date((exp + leewaySeconds) * 1000)
}

/** The maximum age in seconds of a token whose nonce cannot be compared. */
const uncomparedSeconds = 300

/**
 * Compares the nonce that the caller gives with that of the token; a native app may have sent the provider its SHA-256. A token
 * with a nonce that the caller does not give is accepted where the policy allows it: Google's SDK for iOS adds a nonce that the
 * application cannot read. Such a nonce protects nothing, so the token must be recent; like every token it is accepted once.
 */
function checkNonce(provider: Provider, { nonce: claim, iat }: JWTPayload, given: string | null): void {
  if (given === null) {
    if (claim === undefined) return
    if (typeof claim !== 'string') refuse('Its nonce is no text.', otherToken)
    if (provider.requiresNonce) refuse('Its nonce was not named.', nonces)
    if (Date.now() / 1000 - Number(iat) > uncomparedSeconds)
      refuse('Its nonce was not named, and it is older than five minutes.', nonces)
    return
  }
  const hashed = createHash('sha256').update(given, 'utf8').digest('hex')
  if (typeof claim !== 'string' || (claim !== given && claim !== hashed)) refuse('Another nonce.', nonces)
}

function isEmailVerified(provider: Provider, claims: JWTPayload): boolean {
  const { email_verified: said, xms_edov: ownsDomain } = claims
  // An administrator of a tenant can set any address; xms_edov alone is Microsoft's own statement.
  if (provider.issuer.includes('{tenantid}')) return [true, 1, '1', 'true'].includes(ownsDomain as never)
  // Apple and Cognito send a string. Any other value means that the address is not verified; it is no reason to refuse the token.
  return said === true || said === 'true'
}

/** Reads the profile from the claims of an id_token or of the userinfo endpoint. */
export function personOf(provider: Provider, claims: JWTPayload): Omit<Profile, 'issuer' | 'subject'> {
  const email = storableEmail(claims.email)
  const emailVerified = isEmailVerified(provider, claims)
  return {
    email,
    emailVerified: email !== null && emailVerified,
    displayName: storableText(claims.name),
    firstName: storableText(claims.given_name),
    lastName: storableText(claims.family_name),
  }
}

/**
 * Verifies an id_token.
 * @param nonce that the caller expects; null: none
 * @returns the profile, and the marks by which the token is accepted only once
 * @throws ProofRefused, CallFailed
 */
export async function verifyIdToken(
  keySets: KeySets,
  provider: Provider,
  token: string,
  nonce: string | null,
): Promise<{ profile: Profile; singleUse: SingleUse }> {
  try {
    checkHeader(token)
    const claims = decodeJwt(token)
    const issuer = issuerOf(provider, claims)
    checkAudience(provider, claims)
    const until = checkTime(claims)
    checkNonce(provider, claims, nonce)
    const person = personOf(provider, claims)
    const { sub } = claims
    if (typeof sub !== 'string' || storableText(sub) !== sub || sub.length > maxSubject)
      refuse('Without a subject.', 'The provider must set sub to a text of at most 255 characters.')

    await jwtVerify(
      token,
      async (header, jws) => {
        const { key, jwk } = await keySets.find(provider, header, jws)
        const signsFor = jwk?.issuer
        if (typeof signsFor === 'string' && signsFor.replace('{tenantid}', String(claims.tid)) !== issuer)
          refuse('A key for another issuer.', 'Check discovery and issuer of this provider.')
        return key
      },
      { algorithms, clockTolerance: leewaySeconds, requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat'] },
    )
    return {
      profile: { issuer, subject: sub, ...person },
      singleUse: { marks: marksOf(token, issuer, sub, claims.nonce), until },
    }
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError)
      throw new ProofRefused(`It does not verify. ${otherToken}`, { cause: error })
    throw error
  }
}

/** Marks of a token: its signed part, because a signature has more than one encoding; and its nonce with the subject. */
function marksOf(token: string, issuer: string, subject: string, nonce: unknown): string[] {
  const signed = `token ${token.slice(0, token.lastIndexOf('.'))}`
  return nonce === undefined ? [signed] : [signed, `nonce ${JSON.stringify([issuer, subject, nonce])}`]
}
