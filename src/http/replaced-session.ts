// A sign-in by cookie in a browser that already has a session: the new cookies replace the old ones, and the old session ends.
import { type RefreshKey, readRefreshToken } from '../crypto/refresh-secret.ts'
import { AuthError } from '../domain/errors.ts'
import type { PresentedRefresh } from '../domain/sessions/grants.ts'
import { endReplacedSession } from '../domain/sessions/revocation.ts'
import type { SessionCookies } from './cookies.ts'
import type { SessionPrinter } from './views.ts'

/** Reads a refresh token of ours. @throws AuthError `refusal` for any other text */
export function readRefresh(
  keys: readonly RefreshKey[],
  token: string,
  refusal: 'invalid_refresh_token' | 'unauthenticated',
): PresentedRefresh {
  const claims = readRefreshToken(keys, token)
  if (!claims) throw new AuthError(refusal)
  return claims
}

export type OpenedSessionPrinter = (
  ...opened: Parameters<SessionPrinter>
) => Promise<ReturnType<SessionPrinter>>

/** Builds the printer of a session that was just opened. In cookie mode it first ends the session whose cookie it replaces. */
export function openedSessionPrinter(
  print: SessionPrinter,
  cookies: SessionCookies,
  refreshKeys: readonly RefreshKey[],
): OpenedSessionPrinter {
  return async (request, reply, grant, transport) => {
    const replaced = transport === 'cookie' ? cookies.read(request, 'refresh') : undefined
    const presented = replaced === undefined ? null : readRefreshToken(refreshKeys, replaced)
    if (presented) await endReplacedSession(request.context, presented)
    return print(request, reply, grant, transport)
  }
}
