// An id_token (OpenID Connect Core §2) → a verified profile. Every claim is looked at before any key is asked for, so
// that junk costs no call.
import { createHash } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose'
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
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

function refuse(why: string): never {
  throw new ProofRefused(why)
}

function checkHeader(token: string): void {
  const header = decodeProtectedHeader(token)
  if (!algorithms.includes(String(header.alg))) refuse('The algorithm is not allowed.')
  if (smuggled.some((name) => name in header)) refuse('The header names a key of its own.')
  // Other tokens of the same issuer (access, logout) have another type (RFC 9068 §2.1).
  if (header.typ !== undefined && String(header.typ).toLowerCase() !== 'jwt') refuse('It is no id_token.')
}

/** The issuer in its one spelling; the claim must be the one that is pinned, to the letter. */
function issuerOf(provider: Provider, { iss, tid }: JWTPayload): string {
  if (provider.issuerAliases.includes(String(iss))) return provider.issuer
  const tenant = typeof tid === 'string' && uuid.test(tid) ? tid : null
  const wanted = tenant ? provider.issuer.replace('{tenantid}', tenant) : provider.issuer
  return iss === wanted && !wanted.includes('{') ? wanted : refuse('Another issuer.')
}

function checkAudience(provider: Provider, { aud, azp }: JWTPayload): void {
  const ours = (value: unknown) => provider.clientIds.includes(String(value))
  if (Array.isArray(aud) ? !aud.some(ours) : !ours(aud)) refuse('For another audience.')
  // §3.1.3.7: a list of audiences needs the one it was issued to, and that one is ours too.
  if (Array.isArray(aud) ? !ours(azp) : azp !== undefined && !ours(azp)) refuse('Issued to another party.')
}

function checkTime({ exp, iat, nbf }: JWTPayload): Date {
  const now = Date.now() / 1000
  const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
  if (!isTime(exp) || !isTime(iat) || exp > 8e12) refuse('Without its time.')
  if (exp <= now - leewaySeconds) refuse('Expired.')
  if (iat > now + leewaySeconds || (isTime(nbf) && nbf > now + leewaySeconds)) refuse('Of the future.')
  return new Date((exp + leewaySeconds) * 1000)
}

/** Both or neither, and equal; a native app may have handed the provider the SHA-256 of what it hands us. */
function checkNonce(claim: unknown, given: string | null): void {
  const hashed = given && createHash('sha256').update(given, 'utf8').digest('hex')
  if (claim === undefined && given === null) return
  if (typeof claim !== 'string' || given === null || (claim !== given && claim !== hashed))
    refuse('Another nonce.')
}

function isEmailVerified(provider: Provider, claims: JWTPayload): boolean {
  const { email_verified: said, xms_edov: ownsDomain } = claims
  // A tenant's administrator writes any address; only this claim is Microsoft's own word.
  if (provider.issuer.includes('{tenantid}')) return [true, 1, '1', 'true'].includes(ownsDomain as never)
  if (said === undefined || typeof said === 'boolean') return said === true
  if (provider.verifiedAsText && (said === 'true' || said === 'false')) return said === 'true'
  return refuse('email_verified is no boolean.')
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
 * Verifies an id_token. In: the nonce that the caller expects; null: none. Out: the profile, and what must not be
 * accepted twice. @throws ProofRefused, ProviderUnavailable
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
    checkNonce(claims.nonce, nonce)
    const person = personOf(provider, claims)
    const { sub } = claims
    if (typeof sub !== 'string' || keptText(sub) !== sub) refuse('Without a subject.')
    if (sub.length > maxSubject) refuse('Without a subject.')

    await jwtVerify(
      token,
      async (header, jws) => {
        const { key, jwk } = await keySets.find(provider, header, jws)
        const signsFor = jwk?.issuer
        if (typeof signsFor === 'string' && signsFor.replace('{tenantid}', String(claims.tid)) !== issuer)
          refuse('A key for another issuer.')
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
      throw new ProofRefused('It does not verify.', { cause: error })
    throw error
  }
}

/** The signed part, because a signature can be written in more than one way; and the nonce of this person. */
function marksOf(token: string, issuer: string, subject: string, nonce: unknown): string[] {
  const signed = `token ${token.slice(0, token.lastIndexOf('.'))}`
  return nonce === undefined ? [signed] : [signed, `nonce ${JSON.stringify([issuer, subject, nonce])}`]
}
