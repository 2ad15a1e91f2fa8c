// The box of each step: components of @sallyport/react, and forms of the page's own on its hooks.
import {
  AccountPage,
  type AccountSection,
  en,
  SignIn,
  SignUp,
  useAction,
  useClient,
  useSession,
  useUser,
} from '@sallyport/react'
import type { ReactNode } from 'react'
import { facts } from './facts.ts'
import { Outcome, Panel } from './parts.tsx'

const goTo = (step: string) => () => {
  location.hash = step
}

/** Shows the children to a signed-in user, else links to the sign-in and the sign-up. */
export function NeedsSession({ children }: { children: ReactNode }) {
  const { user, status } = useSession()
  if (user) return children
  // Unknown yet.
  if (status !== 'signed_out') return null
  return (
    <Panel title="Sign in first">
      <p>This step is about a session, and this browser has none.</p>
      <button type="button" className="sp-button sp-main" onClick={goTo('sign-in')}>
        Go to the sign-in
      </button>
      <button type="button" className="sp-button" onClick={goTo('sign-up')}>
        Create an account
      </button>
    </Panel>
  )
}

interface ActionButtonProps {
  text: string
  work: () => Promise<unknown>
  /** The notice after success. */
  done?: string
}

function ActionButton({ text, work, done }: ActionButtonProps) {
  const { run, busy, error, notice } = useAction(en)
  return (
    <>
      <button
        type="button"
        className="sp-button sp-main"
        aria-busy={busy !== null || undefined}
        onClick={() => run('act', work, done)}
      >
        {text}
      </button>
      <Outcome error={error?.message} notice={notice} />
    </>
  )
}

function SignOutButton({ text }: { text: string }) {
  const client = useClient()
  return <ActionButton text={text} work={() => client.signOut()} />
}

/** Replaces a form for a signed-in user. */
function SignedInAlready({ text }: { text: string }) {
  const user = useUser()
  return (
    <Panel title="You are signed in">
      <p>
        As <strong>{user?.email}</strong>.
      </p>
      <SignOutButton text={text} />
    </Panel>
  )
}

export function SignUpBox() {
  const user = useUser()
  return user ? <SignedInAlready text="Sign out, and sign up again" /> : <SignUp signIn={goTo('sign-in')} />
}

export function SignInBox() {
  const user = useUser()
  return user ? <SignedInAlready text="Sign out, and sign in again" /> : <SignIn signUp={goTo('sign-up')} />
}

const Account = ({ section }: { section: AccountSection }) => <AccountPage sections={[section]} />

/** A card with a button, above a section of the account page. */
const ActionCard = ({ children, ...action }: ActionButtonProps & { children?: ReactNode }) => (
  <div className="sp">
    <div className="sp-card act">
      {children}
      <ActionButton {...action} done="Done: see what went over the wire." />
    </div>
  </div>
)

export function Me() {
  const client = useClient()
  return (
    <NeedsSession>
      <ActionCard text="Ask who I am" work={() => client.me()} />
      <Account section="profile" />
    </NeedsSession>
  )
}

export function Sessions() {
  const client = useClient()
  return (
    <NeedsSession>
      <ActionCard text="Refresh the tokens" work={() => client.refreshSession()}>
        <p>
          <a href={`${location.pathname}${location.search}#sessions`} target="_blank" rel="noreferrer">
            Open a second tab
          </a>{' '}
          and refresh here: the event appears in both. Sign in with a private window, and it is listed below.
        </p>
      </ActionCard>
      <Account section="sessions" />
    </NeedsSession>
  )
}

export const Factor = () => (
  <NeedsSession>
    <Account section="factors" />
  </NeedsSession>
)

/** True if passkeys of the domain work on pages of the host. */
const isOfDomain = (host: string, domain: string) => host === domain || host.endsWith(`.${domain}`)

export function Passkey() {
  const { hostname, href } = location
  const domain = facts.passkeyDomain
  const there = new URL(href)
  there.hostname = domain
  if (!isOfDomain(hostname, domain))
    return (
      <Panel title="Another address first">
        <p>
          Passkeys of this project belong to <code>{domain}</code>, and this page is at{' '}
          <code>{hostname}</code>.
        </p>
        <a className="sp-button sp-main" href={there.href}>
          Open it at {domain}
        </a>
      </Panel>
    )
  return (
    <NeedsSession>
      <Account section="passkeys" />
    </NeedsSession>
  )
}

export function Leave() {
  const { user, status } = useSession()
  if (!user)
    return status !== 'signed_out' ? null : (
      <Panel title="You are signed out">
        <p>The tokens that this browser had are refused from now on.</p>
        <button type="button" className="sp-button" onClick={goTo('sign-in')}>
          Sign in again
        </button>
      </Panel>
    )
  return (
    <Panel title="Sign out">
      <p>
        Signed in as <strong>{user.email}</strong>. The menu at the top has the same button.
      </p>
      <SignOutButton text="Sign out" />
    </Panel>
  )
}
