// Enrols the second factor of an operator: a passkey, or an authenticator app with recovery codes.
import { useState } from 'preact/hooks'
import { accountRequest } from '../api.ts'
import { Field, Form } from '../parts/form.tsx'
import { t } from '../texts.ts'
import type { AuthenticatorProposal, NewRecoveryCodes, PasskeyRegistration } from '../types.ts'
import { EntryPage } from './entry-page.tsx'
import { hasPasskeys, makePasskey } from './passkeys.ts'

/** Adds a passkey to the operator's own account. @throws ApiError */
async function enrolPasskey(): Promise<void> {
  const { flow, options } = await accountRequest<PasskeyRegistration>(
    'POST',
    'passkeys/registration-options',
    {},
  )
  await accountRequest('POST', 'passkeys', { flow, credential: await makePasskey(options) })
}

interface EnrolFactorProps {
  done: () => void
  later: () => void
  leave: () => void
}

export function EnrolFactor({ done, later, leave }: EnrolFactorProps) {
  const [proposal, setProposal] = useState<AuthenticatorProposal | null>(null)
  const [codes, setCodes] = useState<readonly string[] | null>(null)
  if (codes) return <RecoveryCodes codes={codes} done={done} />
  if (proposal)
    return (
      <Authenticator
        proposal={proposal}
        confirm={async (code) => {
          const { recovery_codes } = await accountRequest<NewRecoveryCodes>('POST', 'factors/totp/confirm', {
            code,
          })
          setCodes(recovery_codes)
        }}
        back={() => setProposal(null)}
      />
    )
  return (
    <EntryPage
      title={t('Secure your account')}
      lead={t(
        'An operator can reach every account. Add a second factor, so that a password alone opens nothing.',
      )}
    >
      {hasPasskeys() && (
        <Form submit={t('Add a passkey')} onSubmit={() => enrolPasskey().then(done)}>
          <p>
            {t('A passkey is the quickest way in: your device asks for a fingerprint, a face or its PIN.')}
          </p>
        </Form>
      )}
      {hasPasskeys() && <p class="or">{t('or')}</p>}
      <Form
        submit={t('Use an authenticator app')}
        isSecond={hasPasskeys()}
        onSubmit={async () =>
          setProposal(await accountRequest<AuthenticatorProposal>('POST', 'factors/totp'))
        }
      >
        {null}
      </Form>
      <p class="after">
        <button type="button" class="link" onClick={later}>
          {t('Not now')}
        </button>
        <button type="button" class="link" onClick={leave}>
          {t('Sign out')}
        </button>
      </p>
    </EntryPage>
  )
}

interface AuthenticatorProps {
  proposal: AuthenticatorProposal
  confirm: (code: string) => Promise<void>
  back: () => void
}

function Authenticator({ proposal, confirm, back }: AuthenticatorProps) {
  return (
    <EntryPage
      title={t('Authenticator app')}
      lead={t('Scan the code with the app, then type the six digits that it shows.')}
    >
      <img
        class="qr"
        src={`data:image/svg+xml,${encodeURIComponent(proposal.qr_svg)}`}
        alt={t('The secret of the authenticator as a QR code')}
      />
      <p class="quiet">
        {t('Without a camera, type this secret:')} <code>{proposal.secret}</code>
      </p>
      <Form submit={t('Confirm')} onSubmit={({ code = '' }) => confirm(code)} cancel={back}>
        <Field
          label={t('Code of six digits')}
          name="code"
          autocomplete="one-time-code"
          inputmode="numeric"
          required
          autofocus
        />
      </Form>
    </EntryPage>
  )
}

function RecoveryCodes({ codes, done }: { codes: readonly string[]; done: () => void }) {
  return (
    <EntryPage
      title={t('Recovery codes')}
      lead={t('Each stands in for a lost second factor, once. Store them now: they are not shown again.')}
    >
      <ul class="codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <div class="actions">
        <button type="button" class="primary" onClick={done}>
          {t('I have stored them')}
        </button>
      </div>
    </EntryPage>
  )
}
