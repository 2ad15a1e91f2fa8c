// The relying party of a project (WebAuthn §4): the domain of its passkeys, and the origins that may use them.
import { isLoopback } from '../../formats.ts'
import type { Project } from './projects.ts'

export interface RelyingParty {
  /** Relying party id: a domain. */
  readonly id: string
  /** The name that authenticators show. */
  readonly name: string
  /** Origins whose pages may register and use a passkey. */
  readonly origins: ReadonlySet<string>
}

/** A loopback IP address cannot be a relying party id, but pages of that host can also be loaded from `localhost`. */
const asDomain = (hostname: string) => (isLoopback(hostname) ? 'localhost' : hostname)

/**
 * The relying party id of projects without `passkeys.rp_id`: the host of PUBLIC_URL.
 */
export const defaultRelyingPartyId = (publicUrl: string) => asDomain(new URL(publicUrl).hostname)

/** @param publicUrl PUBLIC_URL of the service */
export function relyingPartyOf({ name, policy }: Project, publicUrl: string): RelyingParty {
  const { origin, protocol, port, hostname } = new URL(publicUrl)
  const own = [origin, `${protocol}//${asDomain(hostname)}${port && `:${port}`}`]
  return {
    id: policy.passkeys.rp_id ?? defaultRelyingPartyId(publicUrl),
    name: policy.branding.name ?? name,
    origins: new Set([...own, ...policy.origins, ...policy.passkeys.related_origins]),
  }
}
