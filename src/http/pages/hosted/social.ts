// Sign-in through a provider that begins on a hosted page. It ends there too, so that the page can ask for a second factor.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { beginBrowserFlow, type FlowEnd } from '../../../domain/social/browser-flow.ts'
import type { Api } from '../../typebox.ts'
import type { HostedParts } from './parts.ts'
import { secondFactorPage } from './second-factor.ts'
import { showPage, visitOf } from './step.ts'
import { finishSignIn, type HostedVisit, hrefOf, type Outcome, sendOutcome } from './visit.ts'

/** Registers the URL of a provider's button, which redirects to the provider. */
export function socialPages(api: Api, parts: HostedParts): void {
  showPage(api, parts, '/sign-in/social/:provider', async (visit) => {
    const { request, reply, ctx, params } = visit
    const { provider } = request.params as { provider: string }
    const redirectTo = `${parts.publicUrl}/sign-in?${params.query}`
    const callback = `${parts.publicUrl}/api/auth/login/social/${encodeURIComponent(provider)}/callback`
    const begun = await beginBrowserFlow(
      ctx,
      provider,
      { redirectTo, ending: 'page', challenge: null },
      callback,
    )
    parts.flowCookies.set(request, reply, begun)
    return { location: begun.location }
  })
}

async function outcomeOf(visit: HostedVisit, end: FlowEnd): Promise<Outcome> {
  if (end.kind === 'session') return finishSignIn(visit, end.grant)
  if (end.kind === 'refused' && end.reason === 'second_factor_required') return secondFactorPage(visit, end)
  const error = end.kind === 'refused' ? end.reason : 'invalid_social_login'
  return { location: hrefOf(visit, '/sign-in', { prompt: 'login', error }) }
}

/** Answers the callback of a flow that began on a page. @param began the URL of that page, with the application's parameters */
export async function endAtPage(
  parts: HostedParts,
  request: FastifyRequest,
  reply: FastifyReply,
  { redirectTo: began, end }: { readonly redirectTo: string; readonly end: FlowEnd },
): Promise<FastifyReply> {
  const { visit, refused } = visitOf(parts, request, reply, Object.fromEntries(new URL(began).searchParams))
  // The policy may have changed meanwhile, so the parameters are checked again.
  const outcome = refused ?? (await outcomeOf(visit, end))
  if ('location' in outcome) return reply.redirect(outcome.location)
  return sendOutcome(visit, outcome, '/sign-in')
}
