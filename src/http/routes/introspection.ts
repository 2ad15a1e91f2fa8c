// POST /introspect (RFC 7662).
import type { Static } from '@sinclair/typebox'
import { type Introspection, introspect } from '../../../schemas/introspection.ts'
import type { Actor, KeyHolder } from '../../domain/actor.ts'
import { authenticateApiKey } from '../../domain/api-keys/api-keys.ts'
import { AuthError } from '../../domain/errors.ts'
import { authenticateSession, findCachedPrincipal } from '../../domain/sessions/sessions.ts'
import { issuerOf } from '../issuers.ts'
import { type ClientCredentials, parseReadForm } from '../plugins/client-authentication.ts'
import { RequestProblem } from '../refusal.ts'
import { type AccessClaims, readAccessFor, sessionOf } from '../tokens.ts'
import type { Api } from '../typebox.ts'
import type { RouteParts } from './parts.ts'

type View = Static<typeof Introspection>

const utf8 = new TextDecoder('utf-8', { fatal: true })
const epochSeconds = (at: Date) => Math.floor(at.getTime() / 1000)

/** The fields of a form, each at most once (RFC 6749 §3.2). @throws RequestProblem malformed_request */
function readForm(body: Buffer): Record<string, string> {
  try {
    const fields = [...new URLSearchParams(utf8.decode(body))]
    const form = Object.fromEntries(fields)
    if (Object.keys(form).length === fields.length) return form
  } catch {
    // Not UTF-8: refused below, like a repeated field.
  }
  throw new RequestProblem('malformed_request')
}

/** Refuses a second authentication method or a second client (RFC 6749 §2.3). @throws RequestProblem malformed_request */
function refuseSecondMethod(
  client: ClientCredentials | null,
  { client_id, client_secret }: { client_id?: string; client_secret?: string },
): void {
  if (client?.method !== 'basic') return
  if (client_secret !== undefined || (client_id ?? client.projectId).toLowerCase() !== client.projectId)
    throw new RequestProblem('malformed_request')
}

/** For introspection an ended session is an inactive token and not a refusal. */
function nullIfEnded(error: unknown): null {
  if (error instanceof AuthError && error.code === 'unauthenticated') return null
  throw error
}

const userView = ({ user }: Actor) => ({
  active: true,
  sub: user.uuid,
  token_type: 'Bearer' as const,
  email: user.email,
  email_verified: user.emailVerifiedAt !== null,
  role: user.role,
})

function keyView(holder: KeyHolder): View {
  const { id, scopes, createdAt, expiresAt } = holder.key
  return {
    ...userView(holder),
    key_id: id,
    scope: scopes.join(' '),
    iat: epochSeconds(createdAt),
    ...(expiresAt ? { exp: epochSeconds(expiresAt) } : {}),
  }
}

/** The claims that are shown. Others, which a contract may add, are not: `scope` and `key_id` are of keys alone. */
const shownClaims = [
  'iss',
  'aud',
  'client_id',
  'jti',
  'sid',
  'iat',
  'exp',
  'auth_time',
  'acr',
  'amr',
  'act',
] as const

/** The claims of the token, and its user as they are now. */
function accessView(actor: Actor, claims: AccessClaims): View {
  const shown = shownClaims.map((name) => [name, claims[name]] as const)
  return { ...Object.fromEntries(shown.filter(([, value]) => value !== undefined)), ...userView(actor) }
}

export async function introspectionRoutes(api: Api, { tokens, publicUrl }: RouteParts): Promise<void> {
  // In a scope of its own, so that no other route accepts a form, which any page can post without a preflight.
  await api.register(async (scope: Api) => {
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'buffer' },
      async (_request: unknown, body: Buffer) => readForm(body),
    )
    scope.post(
      '/introspect',
      {
        schema: introspect,
        config: { access: 'project', limit: 'project', oauthClient: true },
        preParsing: parseReadForm,
      },
      async ({ context, project, clientCredentials, body }): Promise<View> => {
        refuseSecondMethod(clientCredentials, body)
        const { token } = body
        const holder = await authenticateApiKey(context, token)
        if (holder) return { ...keyView(holder), iss: issuerOf(publicUrl, project), aud: project.id }
        const claims = readAccessFor(tokens, project, token)
        if (!claims) return { active: false }
        const presented = sessionOf(claims)
        const principal =
          findCachedPrincipal(context.services, project, presented) ??
          (await authenticateSession(context, presented).catch(nullIfEnded))
        return principal ? accessView(principal, claims) : { active: false }
      },
    )
  })
}
