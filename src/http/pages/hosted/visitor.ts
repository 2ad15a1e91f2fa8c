// The person who is signed in in the browser that opens a page: by the access cookie, else by the refresh cookie, which is then
// renewed.
import { readRefreshToken } from '../../../crypto/refresh-secret.ts'
import type { Principal } from '../../../domain/actor.ts'
import { AuthError } from '../../../domain/errors.ts'
import type { Grant } from '../../../domain/sessions/grants.ts'
import { refreshSession } from '../../../domain/sessions/refresh.ts'
import type { HostedVisit } from './visit.ts'

/** The principal of a session of the account's own holder. */
export function principalOf({ user, client, sessionId, generation }: Grant): Principal {
  return { user, client, sessionId, generation, impersonator: null }
}

/** @returns null: no one is signed in, or an operator who acts as the user */
export async function findVisitor({ request, reply, ctx, parts }: HostedVisit): Promise<Principal | null> {
  const found = await parts.findVisitor(request, ctx)
  if (found) return found
  const token = parts.cookies.read(request, 'refresh')
  const presented = token === undefined ? null : readRefreshToken(parts.refreshKeys, token)
  if (!presented) return null
  try {
    const grant = await refreshSession(ctx, presented)
    if (grant.impersonator) return null
    parts.printSession(request, reply, grant, 'cookie')
    return principalOf(grant)
  } catch (error) {
    if (error instanceof AuthError) return null
    throw error
  }
}
