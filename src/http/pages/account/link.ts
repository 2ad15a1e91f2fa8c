// Linking an identity: the person is sent to the provider, and returns to the Connections section.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { html } from 'ghtml'
import { AuthError } from '../../../domain/errors.ts'
import type { Flow } from '../../../domain/social/browser-flow.ts'
import { beginLink, finishLink } from '../../../domain/social/browser-link.ts'
import { fill } from '../../../formats.ts'
import type { Api } from '../../typebox.ts'
import { buttonLink } from '../controls.ts'
import type { HostedParts } from '../hosted/parts.ts'
import { providersOf } from '../hosted/providers.ts'
import { type AccountParts, addAction } from './action.ts'
import { connectionsSection as section } from './connections-page.ts'
import { cancelLink } from './elements.ts'
import { type AccountVisit, back, innerPage, openVisit, Refused, sendAccount } from './visit.ts'

const offered = ({ ctx }: AccountVisit, name: string) =>
  providersOf(ctx.project).find((provider) => provider.name === name)

/** Registers the action. It shows a page with a link to the provider, because form-action forbids a redirect to another site. */
export function linkAction(api: Api, parts: AccountParts): void {
  addAction(api, parts, {
    path: `${section.path}/link`,
    section,
    limit: 'credential',
    fields: ['provider'],
    read(visit, typed) {
      const provider = offered(visit, typed('provider'))
      return provider ?? new Refused({ bad: visit.texts.account.changedMeanwhile })
    },
    async run(visit, { name, label, iconHtml }) {
      const { request, reply, texts, params } = visit
      const redirectTo = `${parts.publicUrl}${section.path}?${params.query}`
      const callback = `${parts.publicUrl}/api/auth/login/social/${encodeURIComponent(name)}/callback`
      const begun = await beginLink(visit.ctx, name, redirectTo, callback)
      parts.flowCookies.set(request, reply, begun)
      const title = fill(texts.account.link, { provider: label })
      return innerPage(
        visit,
        section.path,
        title,
        html`<p>${texts.account.linkLead}</p>
!${buttonLink(begun.location, fill(texts.hosted.provider, { provider: label }), 'second', iconHtml)}
!${cancelLink(visit, section.path)}`,
      )
    },
    explain: ({ account }) => ({ provider_unavailable: { bad: account.done.linkFailed, status: 503 } }),
  })
}

/** The sentence about a flow that linked no identity, as a key of `account.done`. @throws every other error */
function faultOf(error: unknown): 'linkTaken' | 'linkFailed' {
  if (!(error instanceof AuthError) || error.code === 'social_flow_broken') throw error
  return error.code === 'identity_taken' ? 'linkTaken' : 'linkFailed'
}

/** Answers the callback of a flow that links. */
export async function endLink(
  parts: HostedParts,
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  returned: { readonly flow: Flow; readonly callback: URL },
): Promise<FastifyReply> {
  const query = Object.fromEntries(new URL(returned.flow.redirectTo).searchParams)
  const visit = await openVisit(parts, request, reply, query)
  if (!visit) return reply
  const done = await finishLink(visit.ctx, name, returned).then(
    (linked) => (linked ? 'linked' : 'linkFailed'),
    faultOf,
  )
  return sendAccount(visit, back(visit, section.path, done), section.path)
}
