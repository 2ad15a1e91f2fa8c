// POST /introspect (RFC 7662).
import type { Static } from '@sinclair/typebox'
import { type Introspection, introspect } from '../../../schemas/introspection.ts'
import type { ApiKeys } from '../../domain/api-keys.ts'
import { AuthError } from '../../domain/errors.ts'
import type { Actor, KeyHolder } from '../../domain/principal.ts'
import type { Sessions } from '../../domain/sessions.ts'
import { issuerOf } from '../issuers.ts'
import { RequestProblem } from '../refusal.ts'
import type { AccessClaims, Tokens } from '../tokens.ts'
import type { Api } from '../typebox.ts'

export interface IntrospectionRoutes {
  readonly tokens: Tokens
  readonly sessions: Sessions
  readonly apiKeys: ApiKeys
  /** The issuer of the installation. */
  readonly publicUrl: string
}

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
    // No UTF-8: refused like a field that stands there twice.
  }
  throw new RequestProblem('malformed_request')
}

/** That a session has ended is an answer here and no refusal. */
function orEnded(error: unknown): null {
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

const accessView = (actor: Actor, { sid, iat, exp, iss, aud }: AccessClaims): View => ({
  ...userView(actor),
  sid,
  iat,
  exp,
  iss,
  aud,
})

export async function introspectionRoutes(api: Api, parts: IntrospectionRoutes): Promise<void> {
  const { tokens, sessions, apiKeys, publicUrl } = parts
  // In a scope of its own: no other route takes a form, which any page can post without asking.
  await api.register(async (scope: Api) => {
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'buffer' },
      async (_request: unknown, body: Buffer) => readForm(body),
    )
    scope.post(
      '/introspect',
      { schema: introspect, config: { access: 'project', limit: 'project' } },
      async ({ project, body: { token } }): Promise<View> => {
        const holder = await apiKeys.recognize(project, token)
        if (holder) return { ...keyView(holder), iss: issuerOf(publicUrl, project), aud: project.id }
        const claims = tokens.readAccess(token)
        if (claims?.aud !== project.id) return { active: false }
        const presented = { sessionId: claims.sid, generation: claims.gen }
        const principal =
          sessions.recall(project, presented) ??
          (await sessions.authenticate(project, presented).catch(orEnded))
        return principal ? accessView(principal, claims) : { active: false }
      },
    )
  })
}
