// Issuers of access tokens: the installation, or the project itself where its policy says so.
import type { FastifyReply } from 'fastify'
import { signingAlgorithms } from '../crypto/signing-key.ts'
import type { Project } from '../domain/projects/projects.ts'

export type IssuingProject = Pick<Project, 'id' | 'policy'>

/** The base of the URL at which discovery finds a project's metadata (OpenID Connect Discovery 1.0 §4). */
const ownIssuer = (publicUrl: string, projectId: string) => `${publicUrl}/projects/${projectId}`

/**
 * The issuer of a project's access tokens.
 * @param publicUrl issuer of the installation
 */
export function issuerOf(publicUrl: string, { id, policy }: IssuingProject): string {
  return policy.tokens.issuer === 'project' ? ownIssuer(publicUrl, id) : publicUrl
}

/**
 * Whether `iss` is one of the two issuers that tokens of the project `aud` can have. Independent of the current policy, so
 * that a change of the policy leaves issued tokens valid.
 * @param claims as they were signed, of any type
 */
export function isIssuerOf(publicUrl: string, { iss, aud }: { iss: unknown; aud: unknown }): boolean {
  return iss === publicUrl || (typeof aud === 'string' && iss === ownIssuer(publicUrl, aud))
}

/**
 * The metadata of an authorization server (RFC 8414 §2). All issuers of an installation sign with the same keys. There is no
 * authorization or token endpoint, and so no grant type: users sign in through the API.
 */
export const serverMetadata = (publicUrl: string, issuer: string) => ({
  issuer,
  jwks_uri: `${publicUrl}/.well-known/jwks.json`,
  response_types_supported: ['none'],
  introspection_endpoint: `${publicUrl}/api/auth/introspect`,
  introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
  service_documentation: `${publicUrl}/docs`,
})

/** The same, with the members that OpenID Connect Discovery 1.0 §3 requires. */
export const issuerMetadata = (publicUrl: string, issuer: string) => ({
  ...serverMetadata(publicUrl, issuer),
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: [...signingAlgorithms],
})

/** Lets verifiers cache metadata for five minutes. */
export const cacheMetadata = (reply: FastifyReply): FastifyReply =>
  reply.header('cache-control', 'public, max-age=300')
