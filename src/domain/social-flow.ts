// Sign-in by a browser that is sent to a provider and comes back: bound to that browser, that provider and that project.
import { createHash, randomUUID } from 'node:crypto'
import { seal, unseal } from '../crypto/seal.ts'
import { hashSecret, mintSecret } from '../crypto/secrets.ts'
import type { Repositories, Store } from '../repositories/store.ts'
import type { UserRow } from '../repositories/users.ts'
import type { Provider } from '../social/profile.ts'
import type { Providers } from '../social/providers.ts'
import { record } from './audit.ts'
import { AuthError } from './errors.ts'
import type { Grant } from './grants.ts'
import type { Caller } from './principal.ts'
import type { Project } from './projects.ts'
import { checkRedirect } from './redirects.ts'
import type { Lifetimes, Sessions } from './sessions.ts'
import { believed, providerNamed, type Social } from './social.ts'

/** How a browser's sign-in is to end. */
export interface FlowWishes {
  readonly redirectTo: string
  /** A session for this browser, or a code that its application exchanges. */
  readonly ending: 'session' | 'code'
  /** S256 of what the exchange must bring (RFC 7636); null: the code alone is enough. */
  readonly challenge: string | null
}

export type FlowEnd =
  | { readonly kind: 'session'; readonly grant: Grant }
  | { readonly kind: 'code'; readonly code: string }
  | { readonly kind: 'refused'; readonly reason: string }

/** What a browser carries from one half of the flow to the other; sealed, so it can neither read nor bend it. */
interface Flow extends FlowWishes {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  readonly until: number
}

const flowMs = 600_000
const codeSeconds = 60

interface Means {
  readonly store: Store
  readonly providers: Providers
  readonly sessions: Sessions
  readonly social: Social
  /** Seal what a browser carries, newest first. */
  readonly flowKeys: readonly [Buffer, ...Buffer[]]
}

/** What rests of a challenge: the hash that a verifier must have; empty for none. */
const challengeHash = (challenge: string | null) => Buffer.from(challenge ?? '', 'base64url')

export function createSocialFlow({ store, providers, sessions, social, flowKeys }: Means) {
  const flowContext = (project: Project, provider: Provider) => `social/${project.id}/${provider.name}`

  /** The flow that this browser began, if it is this one. @throws AuthError social_flow_broken */
  function openFlow(project: Project, provider: Provider, sealed: string, state: string): Flow {
    const opened = unseal(flowKeys, Buffer.from(sealed, 'base64url'), flowContext(project, provider))
    const flow = opened && (JSON.parse(opened.toString('utf8')) as Flow)
    if (!flow || flow.state !== state || flow.until < Date.now()) throw new AuthError('social_flow_broken')
    return flow
  }

  return {
    /**
     * Begins the flow of a browser. Out: where to send it, and what it must carry until it comes back to `callbackUrl`.
     * @throws AuthError provider_unknown, redirect_not_allowed, provider_unavailable
     */
    async begin(
      project: Project,
      name: string,
      wishes: FlowWishes,
      callbackUrl: string,
    ): Promise<{ location: string; carried: string; lifetimeSeconds: number }> {
      const provider = providerNamed(project, name)
      if (!provider.codeFlow) throw new AuthError('provider_unknown')
      const redirectTo = checkRedirect(project, wishes.redirectTo) ?? ''
      const secrets = providers.newFlowSecrets()
      // The project leads, so that who comes back is known to be of it before anything is opened.
      const state = `${project.id}.${secrets.state}`
      const flow: Flow = { ...wishes, ...secrets, state, redirectTo, until: Date.now() + flowMs }
      const begun = await providers.begin(provider, callbackUrl, flow)
      if (begun.kind !== 'location') throw new AuthError('provider_unavailable', { retryAfterSeconds: 5 })
      const carried = seal(flowKeys[0], Buffer.from(JSON.stringify(flow)), flowContext(project, provider))
      return {
        location: begun.location,
        carried: carried.toString('base64url'),
        lifetimeSeconds: flowMs / 1000,
      }
    },

    /**
     * Ends the flow of a browser that came back. In: what it carried, and the whole address it came to. Out: where it
     * wants to go and what it takes along; a refusal is told there by name.
     * @throws AuthError provider_unknown, social_flow_broken (not the browser, provider or project that began)
     */
    async finish(
      project: Project,
      name: string,
      { carried, callback }: { carried: string; callback: URL },
      caller: Caller,
      locale: string | null,
    ): Promise<{ redirectTo: string; end: FlowEnd }> {
      const provider = providerNamed(project, name)
      const flow = openFlow(project, provider, carried, callback.searchParams.get('state') ?? '')
      const { redirectTo, ending, challenge } = flow
      const refused = callback.searchParams.get('error')
      if (refused !== null) {
        const reason = refused === 'access_denied' ? refused : 'invalid_social_login'
        return { redirectTo, end: { kind: 'refused', reason } }
      }
      try {
        // Links may have been taken off the list since.
        checkRedirect(project, redirectTo)
        const { profile, singleUse } = believed(await providers.finish(provider, callback.href, flow))
        const enter = async (tx: Repositories, user: UserRow, isNew: boolean): Promise<FlowEnd | null> => {
          if (ending === 'code') {
            if (isNew) await record(tx, project, { userId: user.id, event: 'signed_up', caller })
            return { kind: 'code', code: await mintCode(tx, project, user, challenge) }
          }
          const event = isNew ? 'signed_up' : 'signed_in'
          const grant = await sessions.open(tx, project, user, caller, event)
          return grant && { kind: 'session', grant }
        }
        return {
          redirectTo,
          end: await social.enter(project, { provider, profile, singleUse }, caller, locale, enter),
        }
      } catch (error) {
        if (!(error instanceof AuthError)) throw error
        if (error.code === 'redirect_not_allowed') throw new AuthError('social_flow_broken')
        return { redirectTo, end: { kind: 'refused', reason: error.code } }
      }
    },

    /**
     * Exchanges the code of a finished flow for a session, once, with the verifier if the flow began with a challenge.
     * @throws AuthError invalid_social_login
     */
    async exchange(
      project: Project,
      code: string,
      verifier: string | null,
      caller: Caller,
      lifetimes?: Lifetimes,
    ): Promise<Grant> {
      const proof =
        verifier === null ? Buffer.alloc(0) : createHash('sha256').update(verifier, 'ascii').digest()
      return store.transaction(project.id, async (tx) => {
        const redeemed = await tx.verificationTokens.redeem(
          project.id,
          'social_sign_in',
          hashSecret(code),
          undefined,
          proof,
        )
        const user = redeemed && (await tx.users.find(project.id, redeemed.userId))
        const grant = user && (await sessions.open(tx, project, user, caller, 'signed_in', lifetimes))
        if (!grant) throw new AuthError('invalid_social_login')
        return grant
      })
    },
  }
}

export type SocialFlow = ReturnType<typeof createSocialFlow>

async function mintCode(
  tx: Repositories,
  project: Project,
  user: UserRow,
  challenge: string | null,
): Promise<string> {
  const { plain, hash } = mintSecret('social')
  await tx.verificationTokens.add({
    id: randomUUID(),
    projectId: project.id,
    userId: user.id,
    purpose: 'social_sign_in',
    email: user.email,
    tokenHash: hash,
    codeHash: challengeHash(challenge),
    lifetimeSeconds: codeSeconds,
    // Two browsers of one person may be on their way at once.
    supersedes: false,
  })
  return plain
}
