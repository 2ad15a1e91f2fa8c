// Passkeys in a browser (WebAuthn): loaded by the first call that needs it. A browser that can do none of it throws an error
// named NotSupportedError.
import { ApiError } from './errors.js'
import type { Calls, Passkey, PasskeyAuthenticator, Session } from './methods.js'
import type { components } from './schema.js'

type RequestOptions = components['schemas']['PasskeyRequestOptions']
type CreationOptions = components['schemas']['PasskeyCreationOptions']

/** The parts of WebAuthn Level 3 that not every browser, or every version of TypeScript's DOM library, has. */
interface Signals {
  signalUnknownCredential?(given: { rpId: string; credentialId: string }): Promise<void>
  signalAllAcceptedCredentials?(given: {
    rpId: string
    userId: string
    allAcceptedCredentialIds: readonly string[]
  }): Promise<void>
  signalCurrentUserDetails?(given: {
    rpId: string
    userId: string
    name: string
    displayName: string
  }): Promise<void>
  getClientCapabilities?(): Promise<Record<string, boolean>>
  isConditionalMediationAvailable?(): Promise<boolean>
}

const signals = () => (globalThis as { PublicKeyCredential?: Signals }).PublicKeyCredential

function decode(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replace(/-/g, '+').replace(/_/g, '/'))
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0))
}

function encode(bytes: ArrayBuffer): string {
  const binary = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join('')
  return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

interface Described {
  readonly type: 'public-key'
  readonly id: string
  readonly transports?: string[]
}

const describe = (list: readonly Described[]) =>
  list.map((one) => ({ ...one, id: decode(one.id) })) as PublicKeyCredentialDescriptor[]

/** Errors of a browser where the person chose no passkey, or none can be added. */
const isDeclined = (error: unknown) =>
  ['NotAllowedError', 'InvalidStateError', 'AbortError', 'ConstraintError', 'NotSupportedError'].includes(
    (error as Error).name,
  )

/** Refusals of the service that mean the same for an upgrade. */
const isUpgradeRefused = (error: unknown) =>
  error instanceof ApiError &&
  ['step_up_required', 'email_verification_required', 'passkey_exists', 'passkey_limit_reached'].includes(
    error.code,
  )

function needCredentials(): CredentialsContainer {
  if (typeof navigator === 'undefined' || !navigator.credentials || !signals())
    throw new DOMException('This browser has no passkeys.', 'NotSupportedError')
  return navigator.credentials
}

/** A browser adds a passkey without asking within moments, or not at all: it must not wait for ever. */
const upgradeMs = 10_000

/** A challenge lives this long for autofill, then another is asked for; the service accepts it for ten minutes. */
const autofillMs = 8 * 60_000

/** Binds what passkeys do to a client. @param authenticator used instead of the browser */
export function createPasskeys({ open, own, begun }: Calls, authenticator: PasskeyAuthenticator | undefined) {
  /** The request that waits without a dialog; any other request ends it, because a browser answers one at a time. */
  let waiting: AbortController | undefined

  /** Runs a request to the authenticators; one that waits without asking ends after some time, or when another one comes. */
  async function requesting<T>(
    work: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal | undefined,
    quietMs?: number,
  ): Promise<T> {
    const abort = new AbortController()
    const stop = () => abort.abort(signal?.reason)
    signal?.addEventListener('abort', stop)
    if (signal?.aborted) stop()
    waiting?.abort()
    waiting = quietMs === undefined ? undefined : abort
    const timer = quietMs === undefined ? undefined : setTimeout(() => abort.abort(), quietMs)
    try {
      return await work(abort.signal)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
    }
  }

  /** The wait for autofill, which a later call or a session ends. */
  let autofilling: AbortController | undefined

  /** Whether the request that ended the wait for autofill has signed the person in: then the wait does not begin again. */
  let entered: Promise<boolean> = Promise.resolve(false)

  async function answer(signal: AbortSignal | undefined, mediation?: 'conditional'): Promise<Session> {
    if (!authenticator) needCredentials()
    const { flow, options } = await open('post', '/api/auth/passkeys/sign-in-options', { body: {}, signal })
    const credential = await prove(options, signal, mediation)
    try {
      return await begun(open('post', '/api/auth/login/passkey', { body: { flow, credential }, signal }))
    } catch (error) {
      const forgotten = error instanceof ApiError && error.problem.credential_id
      if (forgotten)
        await signals()
          ?.signalUnknownCredential?.({ rpId: options.rpId, credentialId: forgotten })
          .catch(() => {})
      throw error
    }
  }

  /** Lets the person prove themselves by a passkey, and returns what the service verifies. */
  async function prove(options: RequestOptions, signal?: AbortSignal, mediation?: 'conditional') {
    if (authenticator) return authenticator.get(options)
    const container = needCredentials()
    const publicKey = {
      ...options,
      challenge: decode(options.challenge),
      allowCredentials: describe(options.allowCredentials),
    }
    const got = await requesting(
      (signal) => container.get({ ...(mediation && { mediation }), signal, publicKey }),
      signal,
      mediation && autofillMs,
    )
    const { id, response } = got as PublicKeyCredential & { response: AuthenticatorAssertionResponse }
    return {
      id,
      type: 'public-key' as const,
      response: {
        clientDataJSON: encode(response.clientDataJSON),
        authenticatorData: encode(response.authenticatorData),
        signature: encode(response.signature),
        userHandle: response.userHandle && encode(response.userHandle),
      },
    }
  }

  /** Lists the passkeys, and tells the authenticators about them and the account's names (WebAuthn Level 3 §5.1.10). */
  async function list(signal?: AbortSignal) {
    const listed = await own('get', '/api/auth/passkeys', { signal })
    const {
      rp_id: rpId,
      user_id: userId,
      all_accepted_credential_ids,
      name,
      display_name: displayName,
    } = listed.signals
    const allAcceptedCredentialIds = all_accepted_credential_ids
    const told = [
      signals()?.signalAllAcceptedCredentials?.({ rpId, userId, allAcceptedCredentialIds }),
      signals()?.signalCurrentUserDetails?.({ rpId, userId, name, displayName }),
    ]
    // A browser that cannot tell them changes nothing here.
    await Promise.all(told.map((one) => one?.catch(() => {})))
    return listed.data
  }

  /** Waits for a change, and tells the authenticators; the change succeeds also where that fails. */
  async function thenTell<T>(changing: Promise<T>, signal?: AbortSignal): Promise<T> {
    const changed = await changing
    await list(signal).catch(() => {})
    return changed
  }

  /** Has the browser make a passkey, and returns what the service keeps. */
  async function make(options: CreationOptions, conditional: boolean, signal: AbortSignal | undefined) {
    if (authenticator) return authenticator.create(options)
    const container = needCredentials()
    const publicKey = {
      ...options,
      challenge: decode(options.challenge),
      user: { ...options.user, id: decode(options.user.id) },
      excludeCredentials: describe(options.excludeCredentials),
    }
    const asked = { ...(conditional && { mediation: 'conditional' }), publicKey }
    const made = await requesting(
      (signal) => container.create({ ...asked, signal } as CredentialCreationOptions),
      signal,
      conditional ? upgradeMs : undefined,
    )
    const { id, response } = made as PublicKeyCredential & { response: AuthenticatorAttestationResponse }
    return {
      id,
      type: 'public-key' as const,
      response: {
        clientDataJSON: encode(response.clientDataJSON),
        attestationObject: encode(response.attestationObject),
        transports: response.getTransports?.() ?? [],
      },
    }
  }

  async function add(name: string | undefined, conditional: boolean, signal?: AbortSignal): Promise<Passkey> {
    if (!authenticator) needCredentials()
    const body = conditional ? { conditional } : {}
    const { flow, options } = await own('post', '/api/auth/passkeys/registration-options', { body, signal })
    entered = Promise.resolve(true)
    const credential = await make(options, conditional, signal)
    const sent = { flow, credential, ...(name !== undefined && { name }) }
    return thenTell(own('post', '/api/auth/passkeys', { body: sent, signal }), signal)
  }

  return {
    signIn(signal?: AbortSignal): Promise<Session> {
      const session = answer(signal)
      entered = session.then(
        () => true,
        () => false,
      )
      return session
    },
    async autofill(signal?: AbortSignal): Promise<Session | null> {
      if (!(await signals()?.isConditionalMediationAvailable?.())) return null
      const own = new AbortController()
      const stop = () => own.abort(signal?.reason)
      signal?.addEventListener('abort', stop)
      if (signal?.aborted) stop()
      autofilling?.abort()
      autofilling = own
      try {
        do {
          const session = await answer(own.signal, 'conditional').catch((error) => {
            // Another passkey may be chosen; or the time is over, or a button was pressed.
            if (error instanceof ApiError && error.code === 'passkey_unknown') return null
            if ((error as Error).name === 'AbortError' && !signal?.aborted) return null
            throw error
          })
          if (session || (await entered)) return session
        } while (!own.signal.aborted)
        return null
      } finally {
        signal?.removeEventListener('abort', stop)
      }
    },
    /** Ends the wait for autofill: a session has begun. */
    sessionBegan: () => autofilling?.abort(),
    register: (name: string | undefined, signal?: AbortSignal) => add(name, false, signal),
    async upgrade(signal?: AbortSignal): Promise<Passkey | null> {
      const can = await signals()?.getClientCapabilities?.()
      if (!can?.conditionalCreate) return null
      return add(undefined, true, signal).catch((error) => {
        if (isDeclined(error) || isUpgradeRefused(error)) return null
        throw error
      })
    },
    prove,
    list,
    rename: (id: string, body: { name: string }, signal?: AbortSignal) =>
      own('patch', '/api/auth/passkeys/{id}', { params: { id }, body, signal }),
    remove: (id: string, signal?: AbortSignal) =>
      thenTell(own('delete', '/api/auth/passkeys/{id}', { params: { id }, signal }), signal),
  }
}
