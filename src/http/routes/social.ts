// POST /login/social and /login/social/exchange; GET /login/social/{provider} and its /callback, for browsers.
import type { FastifyRequest } from 'fastify'
import {
  beginSocialLogin,
  exchangeSocialLogin,
  finishSocialLogin,
  socialLogin,
} from '../../../schemas/social.ts'
import { AuthError } from '../../domain/errors.ts'
import type { Social } from '../../domain/social.ts'
import type { FlowEnd, SocialFlow } from '../../domain/social-flow.ts'
import { callerOf, transportOf } from '../caller.ts'
import type { FlowCookie } from '../cookies.ts'
import { preferredLanguage } from '../language.ts'
import { sendBrokenFlow } from '../pages/social.ts'
import { proofOfProvider } from '../proof.ts'
import type { Api } from '../typebox.ts'
import type { SessionPrinter } from '../views.ts'

export interface SocialRoutes {
  readonly social: Social
  readonly socialFlow: SocialFlow
  readonly flowCookie: FlowCookie
  readonly printSession: SessionPrinter
  readonly publicUrl: string
}

/** A member of the query as it was sent; undefined where it is absent. */
const inQuery = (request: FastifyRequest, name: string): string | undefined => {
  const value = (request.query as Record<string, unknown>)[name]
  return value === undefined ? undefined : String(value)
}

const languageOf = (request: FastifyRequest) => preferredLanguage(request.headers['accept-language'])

/** What the application finds in the query of its own address. */
function landing(redirectTo: string, end: FlowEnd): string {
  const url = new URL(redirectTo)
  for (const name of ['code', 'error']) url.searchParams.delete(name)
  if (end.kind === 'code') url.searchParams.set('code', end.code)
  if (end.kind === 'refused') url.searchParams.set('error', end.reason)
  return url.href
}

export async function socialRoutes(
  api: Api,
  { social, socialFlow, flowCookie, printSession, publicUrl }: SocialRoutes,
): Promise<void> {
  const callbackOf = (provider: string) =>
    `${publicUrl}/api/auth/login/social/${encodeURIComponent(provider)}/callback`

  api.post(
    '/login/social',
    { schema: socialLogin, config: { access: 'public', limit: 'credential' } },
    async (request, reply) => {
      const proof = { provider: request.body.provider, ...proofOfProvider(request.body) }
      const options = { locale: languageOf(request) }
      const grant = await social.signIn(request.project, proof, callerOf(request), options)
      return printSession(request, reply, grant, transportOf(request))
    },
  )

  api.post(
    '/login/social/exchange',
    { schema: exchangeSocialLogin, config: { access: 'public', limit: 'credential' } },
    async (request, reply) => {
      const { code, code_verifier: verifier = null } = request.body
      const grant = await socialFlow.exchange(request.project, code, verifier, callerOf(request))
      return printSession(request, reply, grant, transportOf(request))
    },
  )

  api.get(
    '/login/social/:provider',
    {
      schema: beginSocialLogin,
      config: { access: 'public', limit: 'read', projectOf: (request) => inQuery(request, 'project_id') },
    },
    async (request, reply) => {
      const { redirect_to: redirectTo, session_transport, code_challenge: challenge = null } = request.query
      const ending = session_transport === 'cookie' ? 'session' : 'code'
      const wishes = { redirectTo, ending, challenge } as const
      const { provider } = request.params
      const begun = await socialFlow.begin(request.project, provider, wishes, callbackOf(provider))
      flowCookie.set(reply, request.project.id, begun.carried, begun.lifetimeSeconds)
      return reply.redirect(begun.location)
    },
  )

  api.get(
    '/login/social/:provider/callback',
    {
      schema: finishSocialLogin,
      // The state begins with the project in which the browser set out.
      config: {
        access: 'public',
        limit: 'credential',
        projectOf: (request) => inQuery(request, 'state')?.split('.', 1)[0],
      },
    },
    async (request, reply) => {
      const { provider } = request.params
      const carried = flowCookie.read(request) ?? ''
      flowCookie.clear(reply, request.project.id)
      const callback = new URL(callbackOf(provider) + new URL(request.url, publicUrl).search)
      const came = { carried, callback }
      try {
        const caller = callerOf(request)
        const { redirectTo, end } = await socialFlow.finish(
          request.project,
          provider,
          came,
          caller,
          languageOf(request),
        )
        if (end.kind === 'session') printSession(request, reply, end.grant, 'cookie')
        return reply.redirect(landing(redirectTo, end))
      } catch (error) {
        if (error instanceof AuthError) return sendBrokenFlow(reply)
        throw error
      }
    },
  )
}
