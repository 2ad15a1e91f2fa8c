// The passwords and tokens of claims: sign-ups that wait for the proof of their address.
//
// All passwords claimed on an address are hashed with one salt derived from the address, so one computation compares a password
// with all of them.
import { keyedHash } from '../../crypto/secrets.ts'
import { type ClaimKey, findClaimByPassword } from '../../repositories/accounts/claims.ts'
import type { Context, Services } from '../context.ts'
import type { Project } from '../projects/projects.ts'
import { deriveMailSecret } from './mailed-tokens.ts'
import { hashPassword } from './passwords.ts'

const saltBytes = 16

/** Hashes the password of a claim on an address. @returns a PHC string @throws AuthError overloaded */
export function hashClaimedPassword(ctx: Context, email: string, password: string): Promise<string> {
  const salt = keyedHash(ctx.services.keys.lookup, 'claim', ctx.project.id, email).subarray(0, saltBytes)
  return hashPassword(ctx, password, salt)
}

/** Derives the token, its hash and the short code of a claim, so that a mail which is sent twice has the same ones. */
export const deriveClaimSecrets = (services: Services, project: Project, { id, serial }: ClaimKey) =>
  deriveMailSecret(services, project, 'sign_up', id, String(serial))

/** The token of a claim, for an application that delivers mail itself and presented the project's secret; null elsewhere. */
export function claimTokenForApplication(
  { project, caller, services }: Context,
  claim: ClaimKey,
): string | null {
  if (project.policy.verification.delivery !== 'app' || !caller.provesProject) return null
  return deriveClaimSecrets(services, project, claim).plain
}

/**
 * Finds the claim on an address that has this password. Computes one hash whether or not there is a claim.
 * @returns its token, as `claimTokenForApplication`; undefined if there is no such claim
 * @throws AuthError overloaded
 */
export async function findClaim(
  ctx: Context,
  email: string,
  password: string,
): Promise<{ readonly token: string | null } | undefined> {
  const claim = await findClaimByPassword(ctx.store, email, await hashClaimedPassword(ctx, email, password))
  return claim ? { token: claimTokenForApplication(ctx, claim) } : undefined
}
