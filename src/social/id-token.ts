// An id_token (OpenID Connect Core §2) → a verified profile. Every claim is looked at before any key is asked for, so
// that junk costs no call.
import { createHash } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose'
import { isUuid } from '../formats.ts'
import type { KeySets } from './key-sets.ts'
import { keptEmail, keptText, type Profile, ProofRefused, type Provider, type SingleUse } from './profile.ts'

/** Asymmetric signatures alone: `none` and a public key used as an HMAC secret are not among them (RFC 8725 §3.1). */
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
const smuggled = ['jku', 'x5u', 'jwk', 'x5c', 'crit', 'b64']

const leewaySeconds = 60
/** What the database holds of it is bounded: 255 as on the wire. */
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
  if (smuggled.some((name) => name in header)) refuse('The header names a key of its own.', otherToken)
  // Other tokens of the same issuer (access, logout) have another type (RFC 9068 §2.1).
  if (header.typ !== undefined && String(header.typ).toLowerCase() !== 'jwt')
    refuse('It is no id_token.', otherToken)
}

/** The issuer in its one spelling; the claim must be the one that is pinned, to the letter. */
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
  // §3.1.3.7: beside a foreign audience the token names the party it was issued to, and that one is ours.
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

/** A token whose nonce cannot be compared must have been issued this many seconds ago at most. */
const uncomparedSeconds = 300

/**
 * A nonce that the caller names is in the token; a native app may have handed the provider the SHA-256 of it. One that the
 * caller does not name is accepted where the policy says so, as of Google, whose SDK for iOS adds its own and tells nobody.
 * It then protects no more than none, so the token must be young; like every token it is accepted once.
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
  // A tenant's administrator writes any address; only this claim is Microsoft's own statement.
  if (provider.issuer.includes('{tenantid}')) return [true, 1, '1', 'true'].includes(ownsDomain as never)
  // Apple and Cognito write it as a text. Whatever else stands there proves nothing, and refuses nobody.
  return said === true || said === 'true'
}

/** What claims say of a person, whether they came in an id_token or from the userinfo endpoint. @throws ProofRefused */
export function personOf(provider: Provider, claims: JWTPayload): Omit<Profile, 'issuer' | 'subject'> {
  const email = keptEmail(claims.email)
  const emailVerified = isEmailVerified(provider, claims)
  return {
    email,
    emailVerified: email !== null && emailVerified,
    displayName: keptText(claims.name),
    firstName: keptText(claims.given_name),
    lastName: keptText(claims.family_name),
  }
}

/**
 * Verifies an id_token.
 * @param nonce the one that the caller expects; null: none
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
    if (typeof sub !== 'string' || keptText(sub) !== sub || sub.length > maxSubject)
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

/** The signed part, because a signature can be written in more than one way; and the nonce of this person. */
function marksOf(token: string, issuer: string, subject: string, nonce: unknown): string[] {
  const signed = `token ${token.slice(0, token.lastIndexOf('.'))}`
  return nonce === undefined ? [signed] : [signed, `nonce ${JSON.stringify([issuer, subject, nonce])}`]
}
