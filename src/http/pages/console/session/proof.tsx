// The form of a factor, for the second factor of a sign-in and for a step-up.
import { useState } from 'preact/hooks'
import type { Problem } from '../api.ts'
import { ActionButton } from '../parts/buttons.tsx'
import { Field, Form } from '../parts/form.tsx'
import { t } from '../texts.ts'
import type { PasskeyRequestOptions } from '../types.ts'
import { hasPasskeys, provePasskey } from './passkeys.ts'

type Method = NonNullable<Problem['factors']>[number]

const names: Readonly<Record<Method, string>> = {
  passkey: 'Passkey',
  totp: 'Authenticator app',
  recovery_code: 'Recovery code',
  email_code: 'Code by mail',
  password: 'Password',
}

interface Proof {
  readonly method: Method
  readonly code?: string
  readonly password?: string
  readonly credential?: object
}

interface ProofFormProps {
  problem: Problem
  /** @throws ApiError */
  prove: (proof: Proof) => Promise<unknown>
  /** Requests the mail with the code of the method `email_code`. */
  mail: () => Promise<unknown>
}

/** Asks for one of the factors that a problem document lists. */
export function ProofForm({ problem, prove, mail }: ProofFormProps) {
  const usable = (problem.factors ?? []).filter((factor) => factor !== 'passkey' || hasPasskeys())
  const [method, setMethod] = useState(usable[0])
  if (!method)
    return <p>{t('This browser can use none of your factors. Use a browser that has your passkey.')}</p>
  return (
    <>
      {usable.length > 1 && (
        <fieldset class="ways">
          <legend class="visually-hidden">{t('Prove it by')}</legend>
          {usable.map((factor) => (
            <label key={factor}>
              <input type="radio" name="way" checked={factor === method} onChange={() => setMethod(factor)} />
              <span>{t(names[factor])}</span>
            </label>
          ))}
        </fieldset>
      )}
      <Factor key={method} method={method} problem={problem} prove={prove} mail={mail} />
    </>
  )
}

function Factor({ method, problem, prove, mail }: ProofFormProps & { method: Method }) {
  if (method === 'passkey')
    return (
      <Form
        submit={t('Use a passkey')}
        onSubmit={async () =>
          prove({ method, credential: await provePasskey(problem.passkey_options as PasskeyRequestOptions) })
        }
      >
        <p class="quiet">{t('Your browser asks for the passkey of this account.')}</p>
      </Form>
    )
  if (method === 'password')
    return (
      <Form submit={t('Continue')} onSubmit={({ password = '' }) => prove({ method, password })}>
        <Field
          label={t('Password')}
          name="password"
          type="password"
          autocomplete="current-password"
          required
          autofocus
        />
      </Form>
    )
  const isRecovery = method === 'recovery_code'
  return (
    <Form submit={t('Continue')} onSubmit={({ code = '' }) => prove({ method, code })}>
      {method === 'email_code' && (
        <p class="by-mail">
          <ActionButton work={mail} done={t('The code is on its way.')}>
            {t('Send me a code')}
          </ActionButton>
        </p>
      )}
      <Field
        label={isRecovery ? t('Recovery code') : t('Code of six digits')}
        name="code"
        autocomplete="one-time-code"
        inputmode={isRecovery ? 'text' : 'numeric'}
        required
        autofocus
      />
    </Form>
  )
}
