// The relying party of a project (WebAuthn §4): the domain that its passkeys belong to, and the pages that may ask for them.
import { isLoopback } from '../../formats.ts'
import type { Project } from './projects.ts'

export interface RelyingParty {
  /** A domain. */
  readonly id: string
  /** As authenticators show it. */
  readonly name: string
  /** Origins whose pages may register and use a passkey. */
  readonly origins: ReadonlySet<string>
}

/** A loopback address is no domain, but its machine has one that pages can be loaded from. */
const asDomain = (hostname: string) => (isLoopback(hostname) ? 'localhost' : hostname)

/**
 * The relying party id of projects whose policy names none: the host of PUBLIC_URL.
 * @param publicUrl of the service
 */
export const defaultRelyingPartyId = (publicUrl: string) => asDomain(new URL(publicUrl).hostname)

/** @param publicUrl of the service */
export function relyingPartyOf({ name, policy }: Project, publicUrl: string): RelyingParty {
  const { origin, protocol, port, hostname } = new URL(publicUrl)
  const own = [origin, `${protocol}//${asDomain(hostname)}${port && `:${port}`}`]
  return {
    id: policy.passkeys.rp_id ?? defaultRelyingPartyId(publicUrl),
    name: policy.branding.name ?? name,
    origins: new Set([...own, ...policy.origins, ...policy.passkeys.related_origins]),
  }
}
