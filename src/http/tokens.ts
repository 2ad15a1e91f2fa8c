// Access tokens: Ed25519 JWTs of type at+jwt (RFC 9068, RFC 8037), printed from a grant and read back synchronously.
import jwt from '@fastify/jwt'
import Fastify from 'fastify'
import { printRefreshToken, type RefreshKey } from '../crypto/refresh-secret.ts'
import { type PublicJwk, privatePem, publicPem } from '../crypto/signing-key.ts'
import type { Grant } from '../domain/grants.ts'
import type { OpenedKey } from '../domain/signing-keys.ts'
import { type IssuingProject, isIssuerOf, issuerOf } from './issuers.ts'

export interface AccessClaims {
  /** Who issued it: the installation, or the project under its own name. */
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
}

export interface Tokens {
  /** `claims`: what another product's clients read, beside ours; never instead of ours. */
  printAccess(project: IssuingProject, grant: Grant, claims?: object): string
  printRefresh(grant: Grant): string
  /** The claims of a token of ours that is valid now; null for anything else. */
  readAccess(token: string): AccessClaims | null
  /** The public halves of all keys (RFC 7517). */
  jwks(): { readonly keys: readonly (PublicJwk & { kid: string; alg: 'EdDSA'; use: 'sig' })[] }
  /** Prints and reads with another ring from now on. */
  use(keys: readonly OpenedKey[]): Promise<void>
}

declare module '@fastify/jwt' {
  interface JWT {
    [kid: string]: unknown
  }
}

/**
 * Tokens whose claims are remembered after their signature was checked, so that it is checked once: those used last, and at
 * most twice as many. By the whole token: fast-jwt's own memory hashes it each time, which costs more than all the rest.
 */
const verifiedTokens = 2500

interface Space {
  sign(claims: object): string
  verify(token: string): AccessClaims
}

/** What one ring of keys prints and reads with. */
interface Ring {
  readonly signer: Space
  /** By the first part of a token: a header of ours is one of a few constant strings. */
  readonly readers: ReadonlyMap<string, Space>
  readonly jwks: ReturnType<Tokens['jwks']>
}

/**
 * One namespace of @fastify/jwt for each key: a key passed with each call costs ten times more. Namespaces are made while
 * a server is built and never after, so each ring has a small one of its own, which serves nothing.
 */
async function openRing(keys: readonly OpenedKey[]): Promise<Ring> {
  const holder = Fastify()
  for (const key of keys)
    holder.register(jwt, {
      namespace: key.kid,
      secret: { private: privatePem(key.privateKey), public: publicPem(key.publicJwk) },
      sign: { algorithm: 'EdDSA', kid: key.kid, header: { alg: 'EdDSA', typ: 'at+jwt' } },
      verify: {
        algorithms: ['EdDSA'],
        checkTyp: 'at+jwt',
        // The end is judged by the database's time (`readAccess`); this would take the machine's.
        ignoreExpiration: true,
        requiredClaims: ['iss', 'aud', 'sub', 'sid', 'gen', 'iat', 'exp'],
      },
    })
  await holder.ready()
  const spaces = holder.jwt as unknown as Record<string, Space>
  const current = keys.find((key) => key.state === 'current')
  const signer = current && spaces[current.kid]
  if (!signer) throw new Error('There is no current signing key.')
  // A token with any other header (none, HS256, jku, a foreign kid) finds no reader.
  const readers = new Map(
    keys.map((key) => {
      const space = spaces[key.kid]
      if (!space) throw new Error(`The signing key ${key.kid} was not registered.`)
      return [space.sign({ probe: true }).split('.', 1)[0] ?? '', space]
    }),
  )
  const published = keys.map(
    ({ kid, publicJwk }) => ({ ...publicJwk, kid, alg: 'EdDSA', use: 'sig' }) as const,
  )
  return { signer, readers, jwks: { keys: published } }
}

/**
 * Builds the tokens' printer and reader over a ring that may be replaced at any moment. `now`: milliseconds since 1970
 * by the database, which wrote the end into the token. `publicUrl`: the issuer of the installation.
 */
export async function createTokens(
  keys: readonly OpenedKey[],
  options: { publicUrl: string; refreshKey: RefreshKey; now: () => number },
): Promise<Tokens> {
  let ring = await openRing(keys)
  /** Tokens of the ring of now that were good, in two halves: what was not used while one filled up goes with the other. */
  let used = new Map<string, AccessClaims>()
  let usedBefore = new Map<string, AccessClaims>()

  /** Also where the end is no number: the library, told to leave the end to us, has not looked at it. */
  const isOver = ({ exp }: AccessClaims) => typeof exp !== 'number' || !(options.now() < exp * 1000)

  function remember(token: string, claims: AccessClaims): AccessClaims {
    if (used.size >= verifiedTokens) {
      usedBefore = used
      used = new Map()
    }
    used.set(token, claims)
    return claims
  }

  return {
    printAccess: (project, grant, claims) =>
      ring.signer.sign({
        ...claims,
        iss: issuerOf(options.publicUrl, project),
        sub: grant.user.uuid,
        aud: project.id,
        sid: grant.sessionId,
        gen: grant.generation,
        iat: Math.floor(grant.issuedAt.getTime() / 1000),
        exp: Math.ceil(grant.accessExpiresAt.getTime() / 1000),
      }),
    printRefresh: (grant) => printRefreshToken(options.refreshKey, grant),
    readAccess(token) {
      const now = used.get(token)
      const known = now ?? usedBefore.get(token)
      if (known && !isOver(known)) return now ?? remember(token, known)
      const dot = token.indexOf('.')
      const reader = dot > 0 ? ring.readers.get(token.slice(0, dot)) : undefined
      if (!reader) return null
      try {
        const claims = reader.verify(token)
        // Which issuers are good is told by the audience: the library knows only fixed ones.
        if (isOver(claims) || !isIssuerOf(options.publicUrl, claims)) return null
        return remember(token, claims)
      } catch {
        return null
      }
    },
    jwks: () => ring.jwks,
    async use(next) {
      ring = await openRing(next)
      used = new Map()
      usedBefore = new Map()
    },
  }
}
