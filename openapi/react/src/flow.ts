// Signing in and signing up as one state machine: start → mailed code | second factor | verification | reset → done. What is
// typed is given to its methods; the machine keeps no password longer than the step that needs it.
import {
  ApiError,
  type FactorMethod,
  type SecondFactorProof,
  SecondFactorRequiredError,
} from '@sallyport/client'
import { useEffect, useRef, useState } from 'react'
import { type Action, abortError, describe, duration, useAction } from './action.js'
import { deviceToken, keepDeviceToken, leaveForProvider, MailedLink } from './arrival.js'
import { useSallyport } from './provider.js'
import { fill } from './texts/en.js'

export type Step =
  | 'start'
  | 'ask_code'
  | 'mailed_code'
  | 'mailed_link'
  | 'second_factor'
  | 'verify_email'
  | 'forgot_password'
  | 'reset_password'
  | 'done'

/** The second factor that a sign-in waits for. */
interface Challenge {
  readonly challenge: string
  readonly factors: readonly FactorMethod[]
  readonly passkeyOptions: SecondFactorRequiredError['passkeyOptions']
}

interface Place {
  readonly step: Step
  /** The address that was typed. */
  readonly email: string
  /** The chosen second factor, and all that the account has. */
  readonly method: FactorMethod | null
  readonly factors: readonly FactorMethod[]
}

export interface Flow extends Place, Pick<Action, 'busy' | 'error' | 'notice'> {
  signUp(body: { email: string; password: string; display_name?: string }): Promise<boolean>
  signInWithPassword(body: { email: string; password: string }): Promise<boolean>
  signInWithPasskey(): Promise<boolean>
  /** Leaves the page for a provider. */
  signInWithProvider(provider: string): Promise<boolean>
  /** Requests the mail of a sign-in by mail, and goes to `mailed_code`. */
  requestCode(body: { email: string }): Promise<boolean>
  confirmCode(body: { code: string }): Promise<boolean>
  /** Signs in by the link of a mail, at `mailed_link`. */
  confirmLink(): Promise<boolean>
  /** Chooses a second factor; `email_code` sends its mail. */
  chooseFactor(method: FactorMethod): Promise<boolean>
  /** Completes the second factor; a passkey needs no code. */
  completeSecondFactor(body: { code?: string; trust_device?: boolean }): Promise<boolean>
  /** Verifies the address, and signs in. */
  verifyEmail(body: { code: string }): Promise<boolean>
  /** Sends the code of the present step again. */
  sendAgain(): Promise<boolean>
  forgotPassword(body: { email: string }): Promise<boolean>
  resetPassword(body: { code: string; password: string }): Promise<boolean>
  /** Goes to a step, with the address typed so far; what was begun is forgotten. */
  goTo(step: 'start' | 'ask_code' | 'forgot_password', email?: string): void
}

export interface FlowOptions {
  /** Called once someone is signed in. */
  onDone?: () => void
}

const atStart: Place = { step: 'start', email: '', method: null, factors: [] }

/** Drives a sign-in or sign-up. */
function useFlow({ onDone }: FlowOptions): Flow & Pick<Action, 'fail'> & { take(error: unknown): void } {
  const { client, texts, options } = useSallyport()
  const [place, go] = useState(atStart)
  const { run, ...action } = useAction(texts)
  /** Secrets for the next step, which are not part of the state that is drawn. */
  const kept = useRef<{ password?: string; flow?: string; token?: string; challenge?: Challenge }>({})

  function move(step: Step, more: Partial<Place> = {}): void {
    go((now) => ({ ...now, ...more, step }))
  }

  /** Moves on where a refusal only asks for another step; throws every other one. */
  async function follow(error: unknown, email: string, password?: string): Promise<string | undefined> {
    if (error instanceof SecondFactorRequiredError) {
      const { challenge, factors, passkeyOptions } = error
      kept.current = { challenge: { challenge, factors, passkeyOptions } }
      const method = factors[0] ?? null
      move('second_factor', { factors, method, email })
      if (method === 'email_code') return mailFactor()
      return
    }
    if (error instanceof MailedLink) {
      kept.current = { token: error.token }
      move('mailed_link')
      return
    }
    if (!(error instanceof ApiError) || error.code !== 'email_verification_required') throw error
    kept.current = password === undefined ? {} : { password }
    move('verify_email', { email })
    return resend(email)
  }

  async function resend(email: string): Promise<string> {
    const { retry_after_seconds: wait } = await client.resendVerificationEmail({ email })
    return wait ? fill(texts.codeCooldown, { wait: duration(wait, texts) }) : fill(texts.codeSent, { email })
  }

  async function mailFactor(): Promise<string> {
    const { challenge = '' } = kept.current.challenge ?? {}
    await client.requestSecondFactorCode({ challenge })
    return fill(texts.codeSent, { email: place.email })
  }

  function finish(): void {
    kept.current = {}
    move('done', { factors: [], method: null })
    onDone?.()
  }

  /** Runs a sign-in to its end, or to what it asks for. */
  const enter = (name: string, email: string, work: () => Promise<unknown>, password?: string) =>
    run(name, () =>
      work().then(
        () => finish(),
        (error) => follow(error, email, password),
      ),
    )

  async function byPassword(email: string, password: string): Promise<void> {
    await client.signInWithPassword({ email, password, ...deviceToken() })
    // Silent, and never in the way of the sign-in that has just succeeded.
    if (options.passkeys !== false) client.upgradeToPasskey().catch(() => {})
  }

  async function mail(email: string): Promise<string> {
    const { flow } = await client.requestSignInEmail({ email })
    kept.current = { flow }
    return fill(texts.codeSent, { email })
  }

  async function mailReset(email: string): Promise<string> {
    await client.forgotPassword({ email })
    return fill(texts.codeSent, { email })
  }

  return {
    ...place,
    ...action,
    take: (error) => void run('arrival', () => follow(error, '')),
    signUp: ({ email, password, display_name }) =>
      run('sign_up', async () => {
        const name = display_name?.trim()
        const made = await client.signUp({ email, password, ...(name ? { display_name: name } : {}) })
        if (!('verification_required' in made)) return finish()
        kept.current = { password }
        move('verify_email', { email })
      }),
    signInWithPassword: ({ email, password }) =>
      enter('password', email, () => byPassword(email, password), password),
    signInWithPasskey: () => enter('passkey', '', () => client.signInWithPasskey()),
    signInWithProvider: (provider) =>
      run(provider, () =>
        leaveForProvider(client, provider, options.redirectTo ?? location.origin + location.pathname),
      ),
    requestCode: ({ email }) =>
      run('mail', async () => {
        const said = await mail(email)
        move('mailed_code', { email })
        return said
      }),
    confirmCode: ({ code }) =>
      enter('code', place.email, () =>
        client.confirmSignInEmail({ flow: kept.current.flow ?? '', code, ...deviceToken() }),
      ),
    confirmLink: () =>
      enter('link', '', () =>
        client.confirmSignInEmail({ token: kept.current.token ?? '', ...deviceToken() }),
      ),
    chooseFactor: (method) =>
      run('factor', async () => {
        move('second_factor', { method })
        return method === 'email_code' ? mailFactor() : undefined
      }),
    completeSecondFactor: ({ code = '', trust_device = false }) =>
      enter('second_factor', place.email, async () => {
        const { challenge = '', passkeyOptions } = kept.current.challenge ?? {}
        const method = place.method ?? 'totp'
        const proof = (
          method === 'passkey'
            ? { challenge, method, passkey_options: passkeyOptions, trust_device }
            : { challenge, method, code: code.trim(), trust_device }
        ) as SecondFactorProof
        keepDeviceToken((await client.completeSecondFactor(proof)).device_token)
      }),
    verifyEmail: ({ code }) =>
      run('verify', async () => {
        const { email } = place
        const { password } = kept.current
        const proof = { email, code: code.trim() }
        await client.confirmVerificationEmail(password ? { ...proof, current_password: password } : proof)
        if (password === undefined) return move('start', { email })
        await byPassword(email, password).then(
          () => finish(),
          (error) => follow(error, email),
        )
      }),
    sendAgain: () =>
      run('again', () => {
        if (place.step === 'mailed_code') return mail(place.email)
        if (place.step === 'second_factor') return mailFactor()
        return place.step === 'reset_password' ? mailReset(place.email) : resend(place.email)
      }),
    forgotPassword: ({ email }) =>
      run('forgot', async () => {
        const said = await mailReset(email)
        move('reset_password', { email })
        return said
      }),
    resetPassword: ({ code, password }) =>
      run('reset', async () => {
        await client.resetPassword({ email: place.email, code: code.trim(), password })
        move('start')
        return texts.resetDone
      }),
    goTo(step, email = place.email) {
      kept.current = {}
      action.fail(null)
      move(step, { email })
    },
  }
}

/**
 * Drives a sign-in: draw a form for each `step`, and call its methods. While it is at the start, the browser offers passkeys in
 * the autofill of a field with `autocomplete="username webauthn"`.
 */
export function useSignIn(given: FlowOptions = {}): Omit<Flow, 'signUp'> {
  const { client, store, texts, options } = useSallyport()
  const { take, fail, ...flow } = useFlow(given)
  const isOffered = options.passkeys !== false && flow.step === 'start'
  const latest = useRef({ take, fail, texts })
  latest.current = { take, fail, texts }

  useEffect(() => {
    const arrived = store.takeArrival()
    if (arrived) latest.current.take(arrived)
  }, [store])

  useEffect(() => {
    if (!isOffered) return
    const leaving = new AbortController()
    client.startConditionalSignIn({ signal: leaving.signal }).catch((error) => {
      // Without a network, and where the person chose none, the rest of the form is as usable as before.
      if (error instanceof ApiError) latest.current.fail(describe(error, latest.current.texts))
    })
    return () => leaving.abort(abortError('The form was left.'))
  }, [client, isOffered])
  return flow
}

/** Drives a sign-up, to the verification of the address where the policy is strict. */
export function useSignUp(given: FlowOptions = {}): Flow {
  const { take, fail, ...flow } = useFlow(given)
  return flow
}
