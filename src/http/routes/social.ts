// POST /login/social and /login/social/exchange; GET /login/social/{provider} and its /callback, for browsers.
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as schemas from '../../../schemas/social.ts'
import { AuthError } from '../../domain/errors.ts'
import {
  beginBrowserFlow,
  type FlowEnd,
  finishBrowserFlow,
  flowIdOf,
  openBrowserFlow,
  whereFlowEnded,
} from '../../domain/social/browser-flow.ts'
import { exchangeCode } from '../../domain/social/exchange-code.ts'
import { signInWithProvider } from '../../domain/social/sign-in.ts'
import { transportOf } from '../caller.ts'
import { languageOf } from '../language.ts'
import { endLink } from '../pages/account/link.ts'
import { endAtPage } from '../pages/hosted/social.ts'
import { sendBrokenFlow } from '../pages/social.ts'
import { statusOf } from '../problems.ts'
import { proofOfProvider } from '../proof.ts'
import { refusalOf } from '../refusal.ts'
import type { Api } from '../typebox.ts'
import type { RouteParts } from './parts.ts'

/** A member of the query as it was sent; undefined where it is absent. */
const inQuery = (request: FastifyRequest, name: string): string | undefined => {
  const value = (request.query as Record<string, unknown>)[name]
  return value === undefined ? undefined : String(value)
}

/** The application's address with the end of the flow in its query. */
function landing(redirectTo: string, end: FlowEnd): string {
  const url = new URL(redirectTo)
  for (const name of ['code', 'error']) url.searchParams.delete(name)
  if (end.kind === 'code') url.searchParams.set('code', end.code)
  if (end.kind === 'refused') {
    url.searchParams.set('error', end.reason)
    // In the fragment, which browsers send neither to servers nor in Referer.
    const { challenge, factors = [], passkeyOptions } = end
    if (challenge) {
      const passkey = passkeyOptions ? { passkey_options: JSON.stringify(passkeyOptions) } : {}
      url.hash = new URLSearchParams({ challenge, factors: factors.join(' '), ...passkey }).toString()
    }
  }
  return url.href
}

export async function socialRoutes(api: Api, parts: RouteParts): Promise<void> {
  const { flowCookies, printOpened, publicUrl } = parts
  const config = { access: 'public', limit: 'credential' } as const

  api.post('/login/social', { schema: schemas.socialLogin, config }, async (request, reply) => {
    const proof = { provider: request.body.provider, ...proofOfProvider(request.body) }
    const grant = await signInWithProvider(request.context, proof, { locale: languageOf(request) })
    return printOpened(request, reply, grant, transportOf(request))
  })

  api.post(
    '/login/social/exchange',
    { schema: schemas.exchangeSocialLogin, config },
    async (request, reply) => {
      const { code, code_verifier: verifier } = request.body
      const grant = await exchangeCode(request.context, code, verifier)
      return printOpened(request, reply, grant, transportOf(request))
    },
  )

  api.get(
    '/login/social/:provider',
    {
      schema: schemas.beginSocialLogin,
      config: { access: 'public', limit: 'read', projectOf: (request) => inQuery(request, 'project_id') },
    },
    async (request, reply) => {
      const { redirect_to: redirectTo, session_transport, code_challenge: challenge = null } = request.query
      const ending = session_transport === 'cookie' ? 'session' : 'code'
      const wishes = { redirectTo, ending, challenge } as const
      const { provider } = request.params
      const callback = callbackUrl(publicUrl, provider)
      const begun = await beginBrowserFlow(request.context, provider, wishes, callback)
      flowCookies.set(request, reply, begun)
      return reply.redirect(begun.location)
    },
  )

  api.get(
    '/login/social/:provider/callback',
    {
      schema: schemas.finishSocialLogin,
      // The state begins with the id of the project in which the flow began.
      config: { ...config, projectOf: (request) => inQuery(request, 'state')?.split('.', 1)[0] },
      errorHandler: sendBrokenFlowFor,
    },
    async (request, reply) => {
      const { provider } = request.params
      const callback = new URL(callbackUrl(publicUrl, provider) + new URL(request.url, publicUrl).search)
      try {
        return await finishFlow(parts, request, reply, { provider, callback })
      } catch (error) {
        const target = await targetOfEndedFlow(parts, request, { provider, callback }, error)
        if (target === null) throw error
        return reply.redirect(target)
      }
    },
  )
}

/** The URL to which a provider sends the browser back. */
const callbackUrl = (publicUrl: string, provider: string) =>
  `${publicUrl}/api/auth/login/social/${encodeURIComponent(provider)}/callback`

/** A browser that a provider has sent back. */
interface Returned {
  readonly provider: string
  /** The URL of the callback, with the query that the provider has added. */
  readonly callback: URL
}

/**
 * Ends the flow of a browser: by linking an identity, on a page of the service, or at the application.
 * @throws AuthError social_flow_broken, where this browser did not begin the flow here
 */
async function finishFlow(
  parts: RouteParts,
  request: FastifyRequest,
  reply: FastifyReply,
  { provider, callback }: Returned,
) {
  const { flowCookies, printOpened } = parts
  const id = flowIdOf(inQuery(request, 'state') ?? '') ?? ''
  const carried = flowCookies.read(request, id) ?? ''
  const flow = openBrowserFlow(request.context, provider, { carried, callback })
  flowCookies.clear(request, reply, id)
  const returned = { flow, callback }
  if (flow.linksTo !== undefined) return endLink(parts, request, reply, provider, returned)
  const ended = await finishBrowserFlow(request.context, provider, returned, languageOf(request))
  if (flow.ending === 'page') return endAtPage(parts, request, reply, ended)
  if (ended.end.kind === 'session') await printOpened(request, reply, ended.end.grant, 'cookie')
  return reply.redirect(landing(ended.redirectTo, ended.end))
}

/**
 * The application's address for a signed-in browser that loads the callback again after its flow has ended.
 * @returns null for every other browser and error
 */
async function targetOfEndedFlow(
  { findVisitor }: RouteParts,
  request: FastifyRequest,
  { provider, callback }: Returned,
  error: unknown,
): Promise<string | null> {
  if (!(error instanceof AuthError) || error.code !== 'social_flow_broken') return null
  const visitor = await findVisitor(request, request.context)
  return visitor && whereFlowEnded(request.context, provider, callback)
}

/** Answers a refusal of the callback with a page, because a browser loads it; limits and failures as on every route. */
function sendBrokenFlowFor(error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = refusalOf(error)
  if (!refusal || statusOf(refusal.code) === 429 || statusOf(refusal.code) >= 500) throw error
  return sendBrokenFlow(request, reply)
}
