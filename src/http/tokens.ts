// Access tokens: JWTs of type at+jwt (RFC 9068), signed by the algorithm of the project's policy, printed from a grant and read
// back synchronously.
import { randomUUID } from 'node:crypto'
import jwt from '@fastify/jwt'
import Fastify from 'fastify'
import { printRefreshToken, type RefreshKey } from '../crypto/refresh-secret.ts'
import {
  type PublicJwk,
  privatePem,
  publicPem,
  type SigningAlgorithm,
  signingAlgorithms,
} from '../crypto/signing-key.ts'
import type { Project } from '../domain/projects/projects.ts'
import type { Grant, PresentedRefresh } from '../domain/sessions/grants.ts'
import type { OpenedKey } from '../domain/signing-keys/signing-keys.ts'
import { type IssuingProject, isIssuerOf, issuerOf } from './issuers.ts'
import { createTokenCache, isExpired } from './token-cache.ts'

/** The claims that the service reads. Tokens of version 0.1 lack those from `client_id` on. */
export interface AccessClaims {
  /** URL of the issuer: the installation's or the project's own. */
  readonly iss: string
  /** UUID of the user. */
  readonly sub: string
  /** UUID of the project. */
  readonly aud: string
  /** UUID of the session. */
  readonly sid: string
  /** Refresh generation of the session that this token belongs to. */
  readonly gen: number
  readonly iat: number
  readonly exp: number
  /** The API that opened the session, and the only one that may extend it. */
  readonly client_id?: string
  readonly jti?: string
  /** When, how and how strongly the user was authenticated last (RFC 9470 §6, RFC 8176). */
  readonly auth_time?: number
  readonly amr?: readonly string[]
  readonly acr?: string
  readonly role?: string
  /** The operator who acts as the user (RFC 8693 §4.1). */
  readonly act?: { readonly sub: string }
}

/** The session and the generation that a token names. */
export const sessionOf = ({ sid, gen }: AccessClaims): PresentedRefresh => ({
  sessionId: sid,
  generation: gen,
})

/** The claims of a valid access token of a project; null without a token, and for any other. */
export function readAccessFor(
  tokens: Tokens,
  project: Pick<Project, 'id'>,
  token: string | null | undefined,
): AccessClaims | null {
  const claims = token ? tokens.readAccess(token) : null
  return claims?.aud === project.id ? claims : null
}

/** A public key as the key set shows it. */
type PublishedKey = PublicJwk & { kid: string; alg: SigningAlgorithm; use: 'sig' }

export interface Tokens {
  /** @param claims additional ones, for clients of a product contract; ours win */
  printAccess(project: IssuingProject, grant: Grant, claims?: object): string
  printRefresh(grant: Grant): string
  /** The claims of a valid access token of ours; null for anything else. */
  readAccess(token: string): AccessClaims | null
  /** The public halves of all keys (RFC 7517). */
  jwks(): { readonly keys: readonly PublishedKey[] }
  /** Whether there is any key of an algorithm. */
  hasKeys(algorithm: SigningAlgorithm): boolean
  /** Replaces the keys. */
  use(keys: readonly OpenedKey[]): Promise<void>
}

/** A namespace of @fastify/jwt. */
interface Namespace {
  sign(claims: object): string
  verify(token: string): AccessClaims
}

/** A set of signing keys, ready for use. */
interface KeyRing {
  readonly algorithms: ReadonlySet<SigningAlgorithm>
  /** The keys that sign, by algorithm. */
  readonly signers: ReadonlyMap<SigningAlgorithm, Namespace>
  /** Signs for an algorithm that has no current key yet. */
  readonly otherwise: Namespace
  /** By the header of a token, encoded: every key prints one constant header. */
  readonly readers: ReadonlyMap<string, Namespace>
  readonly jwks: ReturnType<Tokens['jwks']>
}

/**
 * Registers one namespace of @fastify/jwt for each key: a key passed with each call costs ten times more. Namespaces can
 * only be added while a server is built, so each ring builds a server of its own, which serves no request.
 */
async function registerKeys(keys: readonly OpenedKey[]): Promise<(kid: string) => Namespace> {
  const holder = Fastify()
  for (const { kid, algorithm, privateKey, publicJwk } of keys)
    holder.register(jwt, {
      namespace: kid,
      secret: { private: privatePem(privateKey), public: publicPem(publicJwk) },
      sign: { algorithm, kid, header: { alg: algorithm, typ: 'at+jwt' } },
      verify: {
        algorithms: [algorithm],
        checkTyp: 'at+jwt',
        // `readAccess` compares the expiry with the database's clock; the library would take the machine's.
        ignoreExpiration: true,
        requiredClaims: ['iss', 'aud', 'sub', 'sid', 'gen', 'iat', 'exp'],
      },
    })
  await holder.ready()
  const namespaces = holder.jwt as unknown as Record<string, Namespace>
  return (kid) => {
    const namespace = namespaces[kid]
    if (!namespace) throw new Error(`The signing key ${kid} was not registered.`)
    return namespace
  }
}

async function openRing(keys: readonly OpenedKey[]): Promise<KeyRing> {
  const namespaceOf = await registerKeys(keys)
  // A token with any other header (alg none, HS256, jku, an unknown kid) has no reader and is refused.
  const readers = new Map<string, Namespace>()
  const signers = new Map<SigningAlgorithm, Namespace>()
  for (const { kid, state, algorithm } of keys) {
    const namespace = namespaceOf(kid)
    readers.set(namespace.sign({ probe: true }).split('.', 1)[0] ?? '', namespace)
    if (state === 'current') signers.set(algorithm, namespace)
  }
  const otherwise = signingAlgorithms.flatMap((algorithm) => signers.get(algorithm) ?? [])[0]
  if (!otherwise) throw new Error('There is no current signing key.')
  const published = keys.map(
    ({ kid, algorithm, publicJwk }) => ({ ...publicJwk, kid, alg: algorithm, use: 'sig' }) as PublishedKey,
  )
  const algorithms = new Set(keys.map(({ algorithm }) => algorithm))
  return { algorithms, signers, otherwise, readers, jwks: { keys: published } }
}

const toSeconds = (at: Date) => Math.floor(at.getTime() / 1000)

/** The claims of a token (RFC 9068 §2.2; `sid`: OpenID Connect Back-Channel Logout §2.4). Its lifetime is whole seconds. */
function claimsOf(publicUrl: string, project: IssuingProject, grant: Grant): AccessClaims {
  const iat = toSeconds(grant.issuedAt)
  return {
    iss: issuerOf(publicUrl, project),
    sub: grant.user.uuid,
    aud: project.id,
    client_id: grant.client,
    jti: randomUUID(),
    iat,
    exp: iat + grant.accessSeconds,
    auth_time: toSeconds(grant.authTime),
    acr: grant.acr,
    amr: grant.amr,
    sid: grant.sessionId,
    gen: grant.generation,
    role: grant.user.role,
    ...(grant.impersonator ? { act: { sub: grant.impersonator } } : {}),
  }
}

/**
 * Creates the printer and reader of tokens; the keys may be replaced at any moment.
 * @param options `publicUrl` is the issuer of the installation, `refreshKey` prints refresh tokens, `now` is the
 *   database's clock in milliseconds since 1970
 */
export async function createTokens(
  keys: readonly OpenedKey[],
  options: { publicUrl: string; refreshKey: RefreshKey; now: () => number },
): Promise<Tokens> {
  let ring = await openRing(keys)
  const verified = createTokenCache<AccessClaims>(options.now)

  /** The key that signs for a project: of its policy's algorithm, once that has a current key. */
  const signerOf = ({ policy }: IssuingProject) =>
    ring.signers.get(policy.tokens.signing_algorithm) ?? ring.otherwise

  return {
    printAccess: (project, grant, claims) =>
      signerOf(project).sign({ ...claims, ...claimsOf(options.publicUrl, project, grant) }),
    printRefresh: (grant) => printRefreshToken(options.refreshKey, grant),
    readAccess(token) {
      const cached = verified.find(token)
      if (cached) return cached
      const dot = token.indexOf('.')
      const reader = dot > 0 ? ring.readers.get(token.slice(0, dot)) : undefined
      if (!reader) return null
      try {
        const claims = reader.verify(token)
        // The valid issuers depend on the audience; the library compares with a fixed list only.
        if (isExpired(claims, options.now()) || !isIssuerOf(options.publicUrl, claims)) return null
        verified.keep({ token, claims })
        return claims
      } catch {
        // Not signed by this key, or without a required claim.
        return null
      }
    },
    jwks: () => ring.jwks,
    hasKeys: (algorithm) => ring.algorithms.has(algorithm),
    async use(next) {
      ring = await openRing(next)
      verified.clear()
    },
  }
}
