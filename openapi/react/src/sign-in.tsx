// The pages of signing in and signing up, drawn from the flow's steps.
import type { FactorMethod } from '@sallyport/client'
import { type MouseEvent, type ReactNode, useEffect, useRef } from 'react'
import { type Flow, type FlowOptions, useSignIn, useSignUp } from './flow.js'
import { Button, CodeField, Field, Form, Frame, NewPasswordField, Username } from './parts.js'
import { useSallyport, useUser } from './provider.js'
import { fill, type Texts } from './texts/en.js'

const brands: Readonly<Record<string, string>> = { github: 'GitHub', gitlab: 'GitLab' }
/** The name of a provider as people know it. */
export const nameOfProvider = (id: string): string => brands[id] ?? id.charAt(0).toUpperCase() + id.slice(1)

export const nameOfFactor = (method: FactorMethod, texts: Texts): string => texts[`method_${method}`]

type Given = Omit<Flow, 'signUp'>

function EmailField({ flow, webauthn }: { flow: Given; webauthn?: boolean }) {
  const { texts } = useSallyport()
  return (
    <Field
      name="email"
      label={texts.email}
      type="email"
      autoComplete={webauthn ? 'username webauthn' : 'username'}
      autoCapitalize="none"
      spellCheck={false}
      defaultValue={flow.email}
      required
    />
  )
}

/** The ways in that need no password: passkey, mailed code and providers. */
function OtherWays({ flow }: { flow: Given }) {
  const { texts, options } = useSallyport()
  const { passkeys = true, providers = [], emailSignIn = false } = options
  const held = flow.busy !== null
  if (!passkeys && !emailSignIn && providers.length === 0) return null
  return (
    <>
      <p className="sp-or">{texts.or}</p>
      {passkeys && (
        <Button onClick={flow.signInWithPasskey} busy={flow.busy === 'passkey'} held={held}>
          {texts.passkeySignIn}
        </Button>
      )}
      {emailSignIn && (
        <Button onClick={(event) => flow.goTo('ask_code', typedIn(event))} held={held}>
          {texts.mailedSignIn}
        </Button>
      )}
      {providers.map((id) => (
        <Button key={id} onClick={() => flow.signInWithProvider(id)} busy={flow.busy === id} held={held}>
          {fill(texts.continueWith, { name: nameOfProvider(id) })}
        </Button>
      ))}
    </>
  )
}

/** The address that is typed in the form of a button, so that another step need not ask for it again. */
const typedIn = ({ currentTarget: { form } }: MouseEvent<HTMLButtonElement>): string =>
  form ? String(new FormData(form).get('email') ?? '') : ''

function Start({ flow }: { flow: Given }) {
  const { texts } = useSallyport()
  const held = flow.busy !== null
  return (
    <Form
      action={flow}
      label={texts.signIn}
      onSubmit={({ email = '', password = '' }) => flow.signInWithPassword({ email, password })}
    >
      <EmailField flow={flow} webauthn />
      <Field
        name="password"
        label={texts.password}
        type="password"
        autoComplete="current-password"
        required
      />
      <Button look="main" busy={flow.busy === 'password'} held={held}>
        {texts.signIn}
      </Button>
      <Button look="link" onClick={(event) => flow.goTo('forgot_password', typedIn(event))} held={held}>
        {texts.forgotPassword}
      </Button>
      <OtherWays flow={flow} />
    </Form>
  )
}

/** A step in which a mailed code is typed. */
function MailedCode({
  flow,
  onSubmit,
  isReset,
}: {
  flow: Given
  onSubmit: (typed: Record<string, string>) => Promise<boolean>
  isReset?: boolean
}) {
  const { texts } = useSallyport()
  const held = flow.busy !== null
  return (
    <Form action={flow} onSubmit={onSubmit}>
      <p>{fill(texts.verifyLead, { email: flow.email })}</p>
      <Username email={flow.email} />
      <CodeField label={texts.code} />
      {isReset && <NewPasswordField name="password" label={texts.newPassword} />}
      <Button look="main" busy={held && flow.busy !== 'again'} held={held}>
        {isReset ? texts.changePassword : texts.continue}
      </Button>
      <Button onClick={flow.sendAgain} busy={flow.busy === 'again'} held={held}>
        {texts.sendAgain}
      </Button>
      <Button look="link" onClick={() => flow.goTo('start')} held={held}>
        {texts.back}
      </Button>
    </Form>
  )
}

function SecondFactor({ flow }: { flow: Given }) {
  const { texts } = useSallyport()
  const held = flow.busy !== null
  const { method } = flow
  const others = flow.factors.filter((each) => each !== method)
  return (
    <Form
      key={method}
      action={flow}
      onSubmit={({ code, trust }) =>
        flow.completeSecondFactor({ ...(code && { code }), trust_device: trust === 'on' })
      }
    >
      {method && method !== 'passkey' && (
        <CodeField
          label={nameOfFactor(method, texts)}
          inputMode={method === 'recovery_code' ? 'text' : 'numeric'}
        />
      )}
      <label className="sp-check">
        <input type="checkbox" name="trust" />
        <span>{texts.trustDevice}</span>
      </label>
      <Button look="main" busy={flow.busy === 'second_factor'} held={held}>
        {method === 'passkey' ? texts.usePasskey : texts.continue}
      </Button>
      {method === 'email_code' && (
        <Button onClick={flow.sendAgain} busy={flow.busy === 'again'} held={held}>
          {texts.sendAgain}
        </Button>
      )}
      {others.length > 0 && <p className="sp-or">{texts.otherWay}</p>}
      {others.map((each) => (
        <Button key={each} onClick={() => flow.chooseFactor(each)} held={held}>
          {nameOfFactor(each, texts)}
        </Button>
      ))}
      <Button look="link" onClick={() => flow.goTo('start')} held={held}>
        {texts.startAgain}
      </Button>
    </Form>
  )
}

/** A step that asks for an address, to which a code is then mailed. */
function AskAddress({
  flow,
  onSubmit,
  lead,
}: {
  flow: Given
  onSubmit: (body: { email: string }) => Promise<boolean>
  lead: string
}) {
  const { texts } = useSallyport()
  return (
    <Form action={flow} onSubmit={({ email = '' }) => onSubmit({ email })}>
      <p>{lead}</p>
      <EmailField flow={flow} />
      <Button look="main" busy={flow.busy !== null}>
        {texts.sendCode}
      </Button>
      <Button look="link" onClick={() => flow.goTo('start')} held={flow.busy !== null}>
        {texts.back}
      </Button>
    </Form>
  )
}

function MailedLink({ flow }: { flow: Given }) {
  const { texts } = useSallyport()
  return (
    <Form action={flow} onSubmit={flow.confirmLink}>
      <p>{texts.mailedLinkLead}</p>
      <Button look="main" busy={flow.busy !== null}>
        {texts.signIn}
      </Button>
      <Button look="link" onClick={() => flow.goTo('start')} held={flow.busy !== null}>
        {texts.back}
      </Button>
    </Form>
  )
}

export interface SignInProps extends FlowOptions {
  /** Draws a link to the sign-up: an address, or what is called. */
  signUp?: string | (() => void)
}

export interface SignUpProps extends FlowOptions {
  /** Draws a link to the sign-in: an address, or what is called. */
  signIn?: string | (() => void)
  /** Shown above the button, such as the terms that a new person accepts. */
  children?: ReactNode
}

/** The other page, by an address or by a call. */
function Elsewhere({
  lead,
  text,
  to,
}: {
  lead: string
  text: string
  to: string | (() => void) | undefined
}) {
  if (!to) return null
  return (
    <p className="sp-elsewhere">
      {lead}{' '}
      {typeof to === 'string' ? (
        <a href={to}>{text}</a>
      ) : (
        <button type="button" className="sp-link" onClick={to}>
          {text}
        </button>
      )}
    </p>
  )
}

/** The panel around a step: a new step gets the focus, and its title is announced with it. */
function Panel({ step, title, children }: { step: string; title: string; children: ReactNode }) {
  const ref = useRef<HTMLElement>(null)
  const shown = useRef(step)
  useEffect(() => {
    if (shown.current === step) return
    shown.current = step
    const first = ref.current?.querySelector<HTMLElement>('input:not([hidden]):not([type=checkbox])')
    ;(first ?? ref.current?.querySelector<HTMLElement>('h1'))?.focus()
  }, [step])
  return (
    <section ref={ref} className="sp-panel" aria-label={title}>
      <h1 tabIndex={-1}>{title}</h1>
      {children}
    </section>
  )
}

/** What the later steps of both flows share. */
function Later({ flow }: { flow: Given }) {
  const { texts } = useSallyport()
  const user = useUser()
  if (flow.step === 'second_factor') return <SecondFactor flow={flow} />
  if (flow.step === 'verify_email')
    return <MailedCode flow={flow} onSubmit={({ code = '' }) => flow.verifyEmail({ code })} />
  return <p role="status">{user && fill(texts.signedInAs, { name: user.display_name ?? user.email })}</p>
}

/** Signs in by password, passkey, mailed code or provider, with all that may follow. */
export function SignIn({ signUp, ...options }: SignInProps) {
  const { texts } = useSallyport()
  const flow = useSignIn(options)
  const titles: Partial<Record<Flow['step'], string>> = {
    ask_code: texts.mailedSignIn,
    mailed_code: texts.mailedCodeTitle,
    second_factor: texts.secondFactorTitle,
    verify_email: texts.verifyTitle,
    forgot_password: texts.forgotTitle,
    reset_password: texts.forgotTitle,
  }
  const drawn: Partial<Record<Flow['step'], ReactNode>> = {
    start: <Start flow={flow} />,
    ask_code: <AskAddress flow={flow} lead={texts.askCodeLead} onSubmit={flow.requestCode} />,
    mailed_code: <MailedCode flow={flow} onSubmit={({ code = '' }) => flow.confirmCode({ code })} />,
    mailed_link: <MailedLink flow={flow} />,
    forgot_password: <AskAddress flow={flow} lead={texts.forgotLead} onSubmit={flow.forgotPassword} />,
    reset_password: (
      <MailedCode
        flow={flow}
        isReset
        onSubmit={({ code = '', password = '' }) => flow.resetPassword({ code, password })}
      />
    ),
  }
  return (
    <Frame className="sp-entry">
      <Panel step={flow.step} title={titles[flow.step] ?? texts.signIn}>
        {drawn[flow.step] ?? <Later flow={flow} />}
      </Panel>
      {flow.step === 'start' && <Elsewhere lead={texts.noAccount} text={texts.signUp} to={signUp} />}
    </Frame>
  )
}

/** Creates an account, and verifies its address where the policy is strict. */
export function SignUp({ signIn, children, ...options }: SignUpProps) {
  const { texts } = useSallyport()
  const flow = useSignUp(options)
  const titles: Partial<Record<Flow['step'], string>> = {
    second_factor: texts.secondFactorTitle,
    verify_email: texts.verifyTitle,
  }
  return (
    <Frame className="sp-entry">
      <Panel step={flow.step} title={titles[flow.step] ?? texts.signUp}>
        {flow.step === 'start' ? (
          <Form
            action={flow}
            label={texts.signUp}
            onSubmit={({ email = '', password = '', display_name = '' }) =>
              flow.signUp({ email, password, display_name })
            }
          >
            <Field name="display_name" label={texts.displayName} autoComplete="name" maxLength={255} />
            <EmailField flow={flow} />
            <NewPasswordField name="password" label={texts.password} />
            {children && <p className="sp-hint">{children}</p>}
            <Button look="main" busy={flow.busy !== null}>
              {texts.signUp}
            </Button>
          </Form>
        ) : (
          <Later flow={flow} />
        )}
      </Panel>
      {flow.step === 'start' && <Elsewhere lead={texts.haveAccount} text={texts.signIn} to={signIn} />}
    </Frame>
  )
}
