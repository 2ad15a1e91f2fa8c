// Sign-in by redirecting a browser to a provider (OAuth authorization code flow). A flow is bound to its browser, provider and project.
import { randomBytes, randomUUID } from 'node:crypto'
import { seal, unseal } from '../../crypto/seal.ts'
import { mintSecret } from '../../crypto/secrets.ts'
import type { UserRow } from '../../repositories/accounts/users.ts'
import { insertToken } from '../../repositories/credentials/verification-tokens.ts'
import type { Provider } from '../../social/profile.ts'
import { record } from '../audit/audit.ts'
import type { Context } from '../context.ts'
import { isSecondFactorDue } from '../credentials/second-factor.ts'
import { AuthError, type AuthErrorDetails } from '../errors.ts'
import type { Project } from '../projects/projects.ts'
import { checkRedirect, onRedirectList } from '../projects/redirects.ts'
import type { Grant } from '../sessions/grants.ts'
import { restoreAccount } from '../sessions/sessions.ts'
import { enterByProvider, loggingRefusal, mustFindProvider, mustProve, openByProvider } from './sign-in.ts'

export interface FlowWishes {
  readonly redirectTo: string
  /**
   * How the flow ends: with a session for this browser, or a code that the application exchanges. `page`: with a session, on a page
   * of the service itself, which needs not be listed in the policy.
   */
  readonly ending: 'session' | 'code' | 'page'
  /** `code_challenge` of the exchange, method S256 (RFC 7636 §4.2); null if the flow ends with a session. */
  readonly challenge: string | null
  /** Id of the session to whose account the identity is linked (browser-link.ts); absent: the flow signs in. */
  readonly linksTo?: string
}

export type FlowEnd =
  | { readonly kind: 'session'; readonly grant: Grant }
  | { readonly kind: 'code'; readonly code: string }
  | ({ readonly kind: 'refused'; readonly reason: string } & Pick<
      AuthErrorDetails,
      'challenge' | 'factors' | 'passkeyOptions'
    >)

/** A flow, which its browser carries sealed, so that it can neither read nor change it. */
export interface Flow extends FlowWishes {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  /** Milliseconds since 1970. */
  readonly until: number
}

const flowMs = 600_000
const codeSeconds = 60

/** Longest `redirectTo` that is kept in the `state` parameter, whose length providers limit. */
const maxKeptAddress = 512

const sealContext = (project: Project, provider: Provider, use = 'social') =>
  `${use}/${project.id}/${provider.name}`

/** The `state` parameter: project id, flow id, random text, sealed `redirectTo`. */
const stateShape = /^[0-9a-f-]{36}\.([0-9a-z]{15})\.[\w-]+\.([\w-]*)$/

/** Reads the flow id from a `state` parameter, without checking that the state is ours; null: it has another form. */
export const flowIdOf = (state: string): string | null => stateShape.exec(state)?.[1] ?? null

/** Makes a flow id. Ids sort by the time at which their flows began. */
const newFlowId = () =>
  Math.floor(Date.now() / 1000)
    .toString(36)
    .padStart(7, '0') + randomBytes(4).toString('hex')

const stateOf = (callback: URL) => callback.searchParams.get('state') ?? ''

/**
 * Opens the sealed flow of a browser that returned from a provider.
 * @param carried the sealed flow that the browser carries
 * @throws AuthError provider_unknown, social_flow_broken (the flow is expired, or of another browser, provider or project)
 */
export function openBrowserFlow(
  { project, services }: Context,
  name: string,
  { carried, callback }: { readonly carried: string; readonly callback: URL },
): Flow {
  const provider = mustFindProvider(project, name)
  const opened = unseal(services.keys.flow, Buffer.from(carried, 'base64url'), sealContext(project, provider))
  const flow = opened && (JSON.parse(opened.toString('utf8')) as Flow)
  if (!flow || flow.state !== stateOf(callback) || flow.until < Date.now())
    throw new AuthError('social_flow_broken')
  return flow
}

/**
 * Reads `redirectTo` from the `state` of a finished flow, for a browser that loads the callback again. It grants nothing.
 * @returns null: the state is not ours, or the policy no longer lists the address
 */
export function whereFlowEnded({ project, services }: Context, name: string, callback: URL): string | null {
  const provider = mustFindProvider(project, name)
  const sealed = stateShape.exec(stateOf(callback))?.[2] ?? ''
  const context = sealContext(project, provider, 'social-end')
  const opened = unseal(services.keys.flow, Buffer.from(sealed, 'base64url'), context)
  return opened && (onRedirectList(project, opened.toString('utf8'))?.href ?? null)
}

/**
 * Begins a flow at a provider, which returns the browser to `callbackUrl`.
 * @returns the URL to redirect to, the id of the flow, and the sealed flow that the browser must carry
 * @throws AuthError provider_unknown, redirect_not_allowed, code_challenge_required, cookie_flow_impossible,
 *   provider_unavailable
 */
export async function beginBrowserFlow(
  { project, services }: Context,
  name: string,
  wishes: FlowWishes,
  callbackUrl: string,
): Promise<{ location: string; id: string; carried: string; lifetimeSeconds: number }> {
  const { providers, keys } = services
  const provider = mustFindProvider(project, name)
  if (!provider.codeFlow) throw new AuthError('provider_unknown')
  const isPage = wishes.ending === 'page'
  const redirectTo = isPage ? wishes.redirectTo : (checkRedirect(project, wishes.redirectTo) ?? '')
  if (wishes.ending === 'code' && wishes.challenge === null) throw new AuthError('code_challenge_required')
  if (wishes.ending === 'session' && project.policy.cookies.same_site === 'none')
    throw new AuthError('cookie_flow_impossible')
  const secrets = providers.newFlowSecrets()
  const id = newFlowId()
  const kept = !isPage && redirectTo.length <= maxKeptAddress ? redirectTo : ''
  const end = seal(keys.flow[0], Buffer.from(kept), sealContext(project, provider, 'social-end'))
  // The state begins with the project id, because the callback needs the project to open the sealed flow.
  const state = [project.id, id, secrets.state, end.toString('base64url')].join('.')
  const flow: Flow = { ...wishes, ...secrets, state, redirectTo, until: Date.now() + flowMs }
  const begun = await providers.begin(provider, callbackUrl, flow)
  if (begun.kind !== 'location') throw new AuthError('provider_unavailable', { retryAfterSeconds: 5 })
  const carried = seal(keys.flow[0], Buffer.from(JSON.stringify(flow)), sealContext(project, provider))
  const lifetimeSeconds = flowMs / 1000
  return { location: begun.location, id, carried: carried.toString('base64url'), lifetimeSeconds }
}

/**
 * Finishes a sign-in flow.
 * @param callback the URL with which the provider returned the browser
 * @returns the URL to redirect to, and the result: a session, a code, or the reason of a refusal
 * @throws AuthError provider_unknown, social_flow_broken (the policy no longer lists `redirectTo`)
 */
export async function finishBrowserFlow(
  ctx: Context,
  name: string,
  { flow, callback }: { readonly flow: Flow; readonly callback: URL },
  locale: string | null,
): Promise<{ redirectTo: string; end: FlowEnd }> {
  const { project, services } = ctx
  const provider = mustFindProvider(project, name)
  const { redirectTo } = flow
  if (flow.linksTo !== undefined) throw new AuthError('social_flow_broken')
  // The policy may have changed since the flow began.
  if (flow.ending !== 'page' && !onRedirectList(project, redirectTo))
    throw new AuthError('social_flow_broken')
  const refused = callback.searchParams.get('error')
  if (refused !== null) {
    const reason = refused === 'access_denied' ? refused : 'invalid_social_login'
    return { redirectTo, end: { kind: 'refused', reason } }
  }
  try {
    const enter = async () => {
      const proven = mustProve(provider, await services.providers.finish(provider, callback.href, flow))
      return enterByProvider(ctx, proven, locale, (tx, user, isNew) => endFlow(tx, flow, user, isNew))
    }
    return { redirectTo, end: await loggingRefusal(ctx, name, enter()) }
  } catch (error) {
    if (!(error instanceof AuthError)) throw error
    const { challenge, factors, passkeyOptions } = error.details
    const asked = passkeyOptions ? { passkeyOptions } : {}
    const due = challenge === undefined || factors === undefined ? {} : { challenge, factors, ...asked }
    return { redirectTo, end: { kind: 'refused', reason: error.code, ...due } }
  }
}

/**
 * Opens a session or creates a code for the exchange, which then asks for a second factor if one is due.
 * @returns null: the sessions of the account were ended since it was read
 */
async function endFlow(
  tx: Context,
  flow: Flow,
  user: UserRow,
  isNew: boolean,
): Promise<FlowEnd | AuthError | null> {
  if (flow.ending === 'code') {
    if (user.deletionDueAt && !isSecondFactorDue(tx, user)) await restoreAccount(tx, user)
    if (isNew) await record(tx, 'signed_up', { userId: user.id })
    const { plain: code, hash: tokenHash } = mintSecret('social')
    await insertToken(tx.store, {
      id: randomUUID(),
      userId: user.id,
      purpose: 'social_sign_in',
      email: user.email,
      tokenHash,
      // The hash that a verifier must have (RFC 7636 §4.6).
      codeHash: Buffer.from(flow.challenge ?? '', 'base64url'),
      lifetimeSeconds: codeSeconds,
      // Two browsers of one person may be at providers at the same time.
      supersedes: false,
    })
    return { kind: 'code', code }
  }
  const grant = await openByProvider(tx, user, isNew)
  return grant instanceof AuthError ? grant : grant && { kind: 'session', grant }
}
