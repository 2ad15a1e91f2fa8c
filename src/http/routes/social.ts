// POST /login/social and /login/social/exchange; GET /login/social/{provider} and its /callback, for browsers.
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as schemas from '../../../schemas/social.ts'
import { AuthError } from '../../domain/errors.ts'
import { authenticateSession } from '../../domain/sessions/sessions.ts'
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
import { preferredLanguage } from '../language.ts'
import { endLink } from '../pages/account/link.ts'
import { endAtPage } from '../pages/hosted/social.ts'
import { sendBrokenFlow } from '../pages/social.ts'
import { statusOf } from '../problems.ts'
import { proofOfProvider } from '../proof.ts'
import { refusalOf } from '../refusal.ts'
import { readHeader } from '../request-headers.ts'
import type { Api } from '../typebox.ts'
import type { RouteParts } from './parts.ts'

/** A member of the query as it was sent; undefined where it is absent. */
const inQuery = (request: FastifyRequest, name: string): string | undefined => {
  const value = (request.query as Record<string, unknown>)[name]
  return value === undefined ? undefined : String(value)
}

const languageOf = (request: FastifyRequest) => preferredLanguage(readHeader(request, 'accept-language'))

/** The application's address with the end of the flow in its query. */
function landing(redirectTo: string, end: FlowEnd): string {
  const url = new URL(redirectTo)
  for (const name of ['code', 'error']) url.searchParams.delete(name)
  if (end.kind === 'code') url.searchParams.set('code', end.code)
  if (end.kind === 'refused') {
    url.searchParams.set('error', end.reason)
    // In the fragment, which is in no log and no Referer.
    const { challenge, factors = [], passkeyOptions } = end
    if (challenge) {
      const passkey = passkeyOptions ? { passkey_options: JSON.stringify(passkeyOptions) } : {}
      url.hash = new URLSearchParams({ challenge, factors: factors.join(' '), ...passkey }).toString()
    }
  }
  return url.href
}

export async function socialRoutes(
  api: Api,
  { cookies, flowCookies, hosted, printOpened, publicUrl, tokens }: RouteParts,
): Promise<void> {
  const config = { access: 'public', limit: 'credential' } as const
  const callbackOf = (provider: string) =>
    `${publicUrl}/api/auth/login/social/${encodeURIComponent(provider)}/callback`

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
      const begun = await beginBrowserFlow(request.context, provider, wishes, callbackOf(provider))
      flowCookies.set(request, reply, begun)
      return reply.redirect(begun.location)
    },
  )

  api.get(
    '/login/social/:provider/callback',
    {
      schema: schemas.finishSocialLogin,
      // The state begins with the id of the project in which the flow began.
      config: {
        access: 'public',
        limit: 'credential',
        projectOf: (request) => inQuery(request, 'state')?.split('.', 1)[0],
      },
      errorHandler: sendBrokenFlowFor,
    },
    async (request, reply) => {
      const { provider } = request.params
      const callback = new URL(callbackOf(provider) + new URL(request.url, publicUrl).search)
      const id = flowIdOf(inQuery(request, 'state') ?? '') ?? ''
      try {
        const carried = flowCookies.read(request, id) ?? ''
        const flow = openBrowserFlow(request.context, provider, { carried, callback })
        flowCookies.clear(request, reply, id)
        const returned = { flow, callback }
        if (flow.linksTo !== undefined) return await endLink(hosted, request, reply, provider, returned)
        const ended = await finishBrowserFlow(request.context, provider, returned, languageOf(request))
        if (flow.ending === 'page') return await endAtPage(hosted, request, reply, ended)
        if (ended.end.kind === 'session') await printOpened(request, reply, ended.end.grant, 'cookie')
        return reply.redirect(landing(ended.redirectTo, ended.end))
      } catch (error) {
        if (!(error instanceof AuthError) || error.code !== 'social_flow_broken') throw error
        const isHere = await isSignedIn(request)
        const goesOnTo = isHere ? whereFlowEnded(request.context, provider, callback) : null
        if (goesOnTo === null) throw error
        return reply.redirect(goesOnTo)
      }
    },
  )

  /** Whether the browser is signed in by cookie: a person who loads the callback again, after the flow has ended. */
  async function isSignedIn(request: FastifyRequest): Promise<boolean> {
    const token = cookies.read(request, 'access')
    const claims = token === undefined ? null : tokens.readAccess(token)
    if (claims?.aud !== request.project.id) return false
    const presented = { sessionId: claims.sid, generation: claims.gen }
    return authenticateSession(request.context, presented).then(
      () => true,
      (error: unknown) => {
        if (error instanceof AuthError) return false
        throw error
      },
    )
  }
}

/** Answers a refusal of the callback, where a browser stands, with a page; limits and failures as everywhere else. */
function sendBrokenFlowFor(error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = refusalOf(error)
  if (!refusal || statusOf(refusal.code) === 429 || statusOf(refusal.code) >= 500) throw error
  return sendBrokenFlow(request, reply)
}
