// Who issues access tokens: the installation, or each project under a name of its own where its policy says so.
import type { Project } from '../domain/projects.ts'

export type IssuingProject = Pick<Project, 'id' | 'policy'>

/** Below it, a project's metadata stands where discovery looks (OpenID Connect Discovery 1.0 §4). */
const ownIssuer = (publicUrl: string, projectId: string) => `${publicUrl}/projects/${projectId}`

/** The issuer of the access tokens that a project gets now. `publicUrl`: the issuer of the installation. */
export function issuerOf(publicUrl: string, { id, policy }: IssuingProject): string {
  return policy.tokens.issuer === 'project' ? ownIssuer(publicUrl, id) : publicUrl
}

/**
 * Whether `iss` is one of the two issuers that tokens of the project `aud` have had or will have. The policy of now is
 * not asked, so that changing it refuses no living token. Takes claims as they were signed, of any type.
 */
export function isIssuerOf(publicUrl: string, { iss, aud }: { iss: unknown; aud: unknown }): boolean {
  return iss === publicUrl || (typeof aud === 'string' && iss === ownIssuer(publicUrl, aud))
}

/** The metadata of an issuer (RFC 8414); every issuer of an installation signs with the same keys. */
export const issuerMetadata = (publicUrl: string, issuer: string) => ({
  issuer,
  jwks_uri: `${publicUrl}/.well-known/jwks.json`,
  response_types_supported: ['none'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['EdDSA'],
  introspection_endpoint: `${publicUrl}/api/auth/introspect`,
})

/** How long verifiers may keep what they fetch. */
export const metadataCaching = 'public, max-age=300'
