// The account page: its sections, and the dialog for the proof that a change waits for.
import type { ReactNode } from 'react'
import { type Account, type Proof, useAccount } from './account.js'
import { ApiKeys, Data, Identities, Sessions } from './account-access.js'
import { Profile } from './account-profile.js'
import { Factors, Passkeys, Password } from './account-security.js'
import { Button, CodeField, Dialog, Field, Form, Frame, Username } from './parts.js'
import { useSallyport, useUser } from './provider.js'
import { nameOfFactor } from './sign-in.js'
import { fill } from './texts/en.js'

const sections = {
  profile: Profile,
  password: Password,
  passkeys: Passkeys,
  factors: Factors,
  sessions: Sessions,
  identities: Identities,
  apiKeys: ApiKeys,
  data: Data,
}

export type AccountSection = keyof typeof sections

export interface AccountPageProps {
  /** The sections to draw, in this order. Default: all. */
  sections?: readonly AccountSection[]
}

/** Asks for the proof that a change waits for. */
function ProofDialog({ proof }: { proof: Proof }) {
  const { texts } = useSallyport()
  const user = useUser()
  const { method, busy } = proof
  const held = busy !== null
  const isMail = proof.kind === 'verify_email' || method === 'email_code'
  const title = proof.kind === 'step_up' ? texts.stepUpTitle : texts.verifyTitle
  const lead =
    proof.kind === 'step_up' ? texts.stepUpLead : fill(texts.verifyLead, { email: user?.email ?? '' })
  return (
    <Dialog title={title} onClose={proof.cancel}>
      <Form key={method} action={proof} onSubmit={proof.prove}>
        <p>{lead}</p>
        {method === 'password' && (
          <>
            <Username email={user?.email ?? ''} />
            <Field
              name="password"
              label={texts.password}
              type="password"
              autoComplete="current-password"
              required
            />
          </>
        )}
        {method !== 'password' && method !== 'passkey' && (
          <CodeField
            label={nameOfFactor(method, texts)}
            inputMode={method === 'recovery_code' ? 'text' : 'numeric'}
          />
        )}
        <Button look="main" busy={busy === 'prove'} held={held}>
          {method === 'passkey' ? texts.usePasskey : texts.continue}
        </Button>
        {isMail && (
          <Button onClick={proof.sendAgain} busy={busy === 'mail'} held={held}>
            {texts.sendAgain}
          </Button>
        )}
        {proof.factors
          .filter((each) => each !== method)
          .map((each) => (
            <Button key={each} onClick={() => proof.choose(each)} held={held}>
              {nameOfFactor(each, texts)}
            </Button>
          ))}
        <Button look="link" onClick={proof.cancel}>
          {texts.cancel}
        </Button>
      </Form>
    </Dialog>
  )
}

/** Profile, password, passkeys, second factors, devices, connected accounts, API keys, and the data of the signed-in user. */
export function AccountPage({
  sections: drawn = Object.keys(sections) as AccountSection[],
}: AccountPageProps) {
  const { texts } = useSallyport()
  const user = useUser()
  const account = useAccount()
  if (!user) return null
  return (
    <Frame className="sp-account">
      <h1>{texts.account}</h1>
      {drawn.map((name): ReactNode => {
        const Section: (given: { account: Account }) => ReactNode = sections[name]
        return <Section key={name} account={account} />
      })}
      {account.proof && <ProofDialog proof={account.proof} />}
    </Frame>
  )
}
