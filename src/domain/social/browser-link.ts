// Linking an identity by redirecting a browser to a provider. The flow is bound to the session that began it.
import type { IdentityRow } from '../../repositories/social/identities.ts'
import type { SignedInContext } from '../context.ts'
import { reauthenticate } from '../credentials/reauthentication.ts'
import { AuthError } from '../errors.ts'
import { beginBrowserFlow, type Flow } from './browser-flow.ts'
import { linkProven } from './identities.ts'
import { mustFindProvider, mustProve } from './sign-in.ts'

/**
 * Begins the flow for the signed-in user, who must have authenticated recently.
 * @param redirectTo the page of the service on which the flow ends
 * @returns as `beginBrowserFlow`
 * @throws AuthError as `beginBrowserFlow`, `reauthenticate`
 */
export async function beginLink(
  ctx: SignedInContext,
  name: string,
  redirectTo: string,
  callbackUrl: string,
): ReturnType<typeof beginBrowserFlow> {
  await reauthenticate(ctx)
  const wishes = { redirectTo, ending: 'page', challenge: null, linksTo: ctx.actor.sessionId } as const
  return beginBrowserFlow(ctx, name, wishes, callbackUrl)
}

/**
 * Finishes the flow: links the identity with which the browser returned.
 * @param callback the URL with which the provider returned the browser
 * @returns null: the user did not agree at the provider
 * @throws AuthError social_flow_broken (another session began it), provider_unavailable, invalid_social_login; and as
 *   `linkIdentity`
 */
export async function finishLink(
  ctx: SignedInContext,
  name: string,
  { flow, callback }: { readonly flow: Flow; readonly callback: URL },
): Promise<IdentityRow | null> {
  if (flow.linksTo !== ctx.actor.sessionId) throw new AuthError('social_flow_broken')
  const provider = mustFindProvider(ctx.project, name)
  if (callback.searchParams.has('error')) return null
  await reauthenticate(ctx)
  const prove = async () =>
    mustProve(provider, await ctx.services.providers.finish(provider, callback.href, flow))
  return linkProven(ctx, name, prove())
}
