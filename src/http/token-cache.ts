// Caches verified access tokens: a cached signature is not checked again.

/** The part of the claims that the cache reads: seconds since 1970. */
interface Expiring {
  readonly exp: number
}

/**
 * The size of one generation of the cache; there are two. fast-jwt's own cache hashes each token by SHA-256, which takes longer
 * than the rest of the check.
 */
const verifiedTokens = 2500

/** The last characters of a token, half a signature or more: enough to tell tokens apart, and quicker to look up than all. */
const keyLength = 43

/** Also true where `exp` is not a number, which the library does not check with `ignoreExpiration`. */
export const isExpired = ({ exp }: Expiring, nowMs: number) =>
  typeof exp !== 'number' || !(nowMs < exp * 1000)

interface Verified<Claims> {
  readonly token: string
  readonly claims: Claims
}

/**
 * Caches tokens in two generations, by their last characters. When the recent one is full, tokens not used since the last
 * switch are dropped.
 * @param now the database's clock, milliseconds since 1970
 */
export function createTokenCache<Claims extends Expiring>(now: () => number) {
  let recent = new Map<string, Verified<Claims>>()
  let older = new Map<string, Verified<Claims>>()
  function keep(verified: Verified<Claims>): void {
    if (recent.size >= verifiedTokens) {
      older = recent
      recent = new Map()
    }
    recent.set(verified.token.slice(-keyLength), verified)
  }
  return {
    keep,
    find(token: string): Claims | null {
      const key = token.slice(-keyLength)
      const used = recent.get(key)
      const cached = used ?? older.get(key)
      if (cached?.token !== token || isExpired(cached.claims, now())) return null
      if (!used) keep(cached)
      return cached.claims
    },
    clear(): void {
      recent = new Map()
      older = new Map()
    },
  }
}
