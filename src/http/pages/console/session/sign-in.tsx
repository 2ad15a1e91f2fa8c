// The sign-in: by passkey, or by password with a second factor, in the project of the operators.
import { useState } from 'preact/hooks'
import { ApiError, authRequest, type Problem } from '../api.ts'
import { Field, Form } from '../parts/form.tsx'
import { t } from '../texts.ts'
import type { PasskeySignIn } from '../types.ts'
import { EntryPage } from './entry-page.tsx'
import { hasPasskeys, provePasskey } from './passkeys.ts'
import { ProofForm } from './proof.tsx'

async function signInByPasskey(): Promise<void> {
  const { flow, options } = await authRequest<PasskeySignIn>('POST', 'passkeys/sign-in-options', {})
  await authRequest('POST', 'login/passkey', { flow, credential: await provePasskey(options) })
}

interface SecondFactorProps {
  due: Problem
  entered: () => void
  restart: () => void
}

function SecondFactor({ due, entered, restart }: SecondFactorProps) {
  const { challenge } = due
  return (
    <EntryPage title={t('Second factor')} lead={t('The password is right. Prove once more that it is you.')}>
      <ProofForm
        problem={due}
        prove={async (proof) => {
          await authRequest('POST', 'login/second-factor', { challenge, ...proof })
          entered()
        }}
        mail={() => authRequest('POST', 'login/second-factor/email-code', { challenge })}
      />
      <p class="after">
        <button type="button" class="link" onClick={restart}>
          {t('Start again')}
        </button>
      </p>
    </EntryPage>
  )
}

export function SignIn({ entered }: { entered: () => void }) {
  const [due, setDue] = useState<Problem | null>(null)
  if (due) return <SecondFactor due={due} entered={entered} restart={() => setDue(null)} />
  async function byPassword(email: string, password: string): Promise<void> {
    try {
      await authRequest('POST', 'login', { email, password })
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'second_factor_required') throw error
      setDue(error.problem)
      return
    }
    entered()
  }
  return (
    <EntryPage title={t('Sign in')} lead={t('The console is for the operators of this installation.')}>
      {hasPasskeys() && (
        <Form submit={t('Sign in with a passkey')} onSubmit={() => signInByPasskey().then(entered)}>
          {null}
        </Form>
      )}
      {hasPasskeys() && <p class="or">{t('or')}</p>}
      <Form
        submit={t('Sign in with password')}
        isSecond={hasPasskeys()}
        onSubmit={({ email = '', password = '' }) => byPassword(email, password)}
      >
        <Field label={t('E-mail address')} name="email" type="email" autocomplete="username" required />
        <Field
          label={t('Password')}
          name="password"
          type="password"
          autocomplete="current-password"
          required
        />
      </Form>
      <p class="after quiet">
        {t(
          'New here? Follow your set-up link first. The log of the first start has one, and this prints one:',
        )}{' '}
        <code>npx . operators create</code>
      </p>
    </EntryPage>
  )
}
