// The account of the signed-in user without its pages: its parts, its changes, and the proof that some changes need first.
import {
  ApiError,
  type FactorMethod,
  type SallyportClient,
  type StepUpProof,
  StepUpRequiredError,
} from '@sallyport/client'
import { useCallback, useEffect, useRef, useState } from 'react'
import { type Action, abortError, duration, useAction } from './action.js'
import { useSallyport, useSession } from './provider.js'
import { fill } from './texts/en.js'

type Of<Method extends keyof SallyportClient> = SallyportClient[Method] extends (
  ...given: never[]
) => Promise<infer Answer>
  ? Answer
  : never

/** The parts of the account; each is undefined until it is loaded. */
export interface Holdings {
  readonly factors?: Of<'listFactors'>
  readonly passkeys?: Of<'listPasskeys'>
  readonly sessions?: Of<'listSessions'>['data']
  readonly identities?: Of<'listIdentities'>['data']
  readonly apiKeys?: Of<'listUserApiKeys'>['data']
}

/** A proof that a change waits for: that the person is the owner, or that the address is theirs. */
export interface Proof extends Pick<Action, 'busy' | 'error' | 'notice'> {
  readonly kind: 'step_up' | 'verify_email'
  readonly factors: readonly FactorMethod[]
  readonly method: FactorMethod
  choose(method: FactorMethod): void
  /** Proves it, and goes on with the change. */
  prove(body: { password?: string; code?: string }): Promise<boolean>
  sendAgain(): Promise<boolean>
  cancel(): void
}

interface Asked {
  readonly kind: Proof['kind']
  readonly factors: readonly FactorMethod[]
  readonly passkeyOptions?: StepUpRequiredError['passkeyOptions']
  readonly resolve: (proven: boolean) => void
}

export interface Account extends Holdings {
  /** Loads all of it again. */
  reload(): Promise<void>
  /** The proof that is asked for now; null: none. */
  readonly proof: Proof | null
  /**
   * Does work of the account with the client; where the service wants a proof first, `proof` asks for it, and the work is done
   * again. Then what the account has is loaded again.
   *
   * @throws the error of the work, and an AbortError where the person gave no proof
   */
  change<T>(work: (client: SallyportClient) => Promise<T>): Promise<T>
}

/** Draw forms of your own with it: every change goes through `change`, and a `proof` is asked for where it is not null. */
export function useAccount(): Account {
  const { client, store, texts } = useSallyport()
  const { user } = useSession()
  const uuid = user?.uuid
  const [holdings, setHoldings] = useState<Holdings>({})
  const [asked, ask] = useState<Asked | null>(null)
  const [method, choose] = useState<FactorMethod>('password')
  const { run, fail, ...action } = useAction(texts)
  const email = useRef('')
  email.current = user?.email ?? ''

  const reload = useCallback(async () => {
    if (!uuid) return setHoldings({})
    const keep = (more: Holdings) => setHoldings((now) => ({ ...now, ...more }))
    await Promise.all([
      client.me().then((answer) => store.setUser(answer.user)),
      client.listFactors().then((factors) => keep({ factors })),
      client.listPasskeys().then((passkeys) => keep({ passkeys })),
      client.listSessions().then(({ data }) => keep({ sessions: data })),
      client.listIdentities().then(({ data }) => keep({ identities: data })),
      client.listUserApiKeys().then(({ data }) => keep({ apiKeys: data })),
    ])
  }, [client, store, uuid])

  useEffect(() => {
    // What did not arrive is loaded when the network is back.
    const again = () => void reload().catch(() => {})
    again()
    if (typeof document === 'undefined') return
    window.addEventListener('online', again)
    return () => window.removeEventListener('online', again)
  }, [reload])

  const sendMail = useCallback(
    async (kind: Proof['kind']) => {
      if (kind === 'step_up') {
        await client.requestStepUpCode()
        return fill(texts.codeSent, { email: email.current })
      }
      const { retry_after_seconds: wait } = await client.resendVerificationEmail({ email: email.current })
      return wait
        ? fill(texts.codeCooldown, { wait: duration(wait, texts) })
        : fill(texts.codeSent, { email: email.current })
    },
    [client, texts],
  )

  function select(kind: Proof['kind'], wanted: FactorMethod): void {
    choose(wanted)
    if (wanted === 'email_code') void run('mail', () => sendMail(kind))
  }

  /** Asks for the proof that an error wants; false where the person gives none. */
  function proofOf(error: unknown): Promise<boolean> {
    const isStepUp = error instanceof StepUpRequiredError
    if (!isStepUp && !(error instanceof ApiError && error.code === 'email_verification_required')) throw error
    const kind = isStepUp ? 'step_up' : 'verify_email'
    const factors: readonly FactorMethod[] = isStepUp ? error.factors : ['email_code']
    fail(null)
    select(kind, factors[0] ?? 'password')
    return new Promise((resolve) => {
      ask({ kind, factors, resolve, passkeyOptions: isStepUp ? error.passkeyOptions : undefined })
    })
  }

  function end(proven: boolean): void {
    asked?.resolve(proven)
    ask(null)
  }

  async function change<T>(work: (client: SallyportClient) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        const done = await work(client)
        if (store.get().user) await reload().catch(() => {})
        return done
      } catch (error) {
        // A proof of one person opens nothing of another who signed in meanwhile.
        if (!(await proofOf(error)) || store.get().user?.uuid !== uuid)
          throw abortError('The person gave no proof.')
      }
    }
  }

  async function prove({ password = '', code = '' }: { password?: string; code?: string }): Promise<void> {
    if (asked?.kind === 'verify_email')
      await client.confirmVerificationEmail({ email: email.current, code: code.trim() })
    else {
      const proof = {
        password: { method, password },
        passkey: { method, passkey_options: asked?.passkeyOptions },
      }[method as string] ?? { method, code: code.trim() }
      await client.stepUp(proof as StepUpProof)
    }
    end(true)
  }

  const proof = asked && {
    ...action,
    kind: asked.kind,
    factors: asked.factors,
    method,
    choose: (wanted: FactorMethod) => {
      fail(null)
      select(asked.kind, wanted)
    },
    prove: (body: { password?: string; code?: string }) => run('prove', () => prove(body)),
    sendAgain: () => run('mail', () => sendMail(asked.kind)),
    cancel: () => end(false),
  }
  return { ...holdings, reload, proof, change }
}
