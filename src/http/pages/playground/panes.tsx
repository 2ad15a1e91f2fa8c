// The box at the left of each step: the components of @sallyport/react, and forms of the page's own on its hooks.
import {
  AccountPage,
  type AccountSection,
  en,
  SignIn,
  SignUp,
  useAction,
  useClient,
  useUser,
} from '@sallyport/react'
import type { ReactNode } from 'react'
import { facts } from './facts.ts'
import { Panel, Said } from './parts.tsx'

const goTo = (step: string) => () => {
  location.hash = step
}

/** For a step that needs a session. */
export function NeedsSession({ children }: { children: ReactNode }) {
  const user = useUser()
  if (user) return children
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

function LeaveButton({ text }: { text: string }) {
  const client = useClient()
  const { run, busy, error } = useAction(en)
  return (
    <>
      <button
        type="button"
        className="sp-button sp-main"
        aria-busy={busy !== null || undefined}
        onClick={() => run('leave', () => client.signOut())}
      >
        {text}
      </button>
      <Said error={error?.message} />
    </>
  )
}

/** What stands in place of a form for those who are signed in. */
function SignedInAlready({ text }: { text: string }) {
  const user = useUser()
  return (
    <Panel title="You are signed in">
      <p>
        As <strong>{user?.email}</strong>.
      </p>
      <LeaveButton text={text} />
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

/** A card with a button of the page's own, above a part of the account page. */
function Act({ text, work, children }: { text: string; work: () => Promise<unknown>; children?: ReactNode }) {
  const { run, busy, error, notice } = useAction(en)
  return (
    <div className="sp">
      <div className="sp-card act">
        {children}
        <button
          type="button"
          className="sp-button sp-main"
          aria-busy={busy !== null || undefined}
          onClick={() => run('act', work, 'Done: see what went over the wire.')}
        >
          {text}
        </button>
        <Said error={error?.message} notice={notice} />
      </div>
    </div>
  )
}

export function Me() {
  const client = useClient()
  return (
    <NeedsSession>
      <Act text="Ask who I am" work={() => client.me()} />
      <Account section="profile" />
    </NeedsSession>
  )
}

export function Sessions() {
  const client = useClient()
  return (
    <NeedsSession>
      <Act text="Refresh the tokens" work={() => client.refreshSession()}>
        <p>
          <a href={`${location.pathname}${location.search}#sessions`} target="_blank" rel="noreferrer">
            Open a second tab
          </a>{' '}
          and refresh here: the event appears in both. Sign in with a private window, and it is listed below.
        </p>
      </Act>
      <Account section="sessions" />
    </NeedsSession>
  )
}

export const Factor = () => (
  <NeedsSession>
    <Account section="factors" />
  </NeedsSession>
)

/** Whether this address is of the domain that the project's passkeys belong to. */
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
  const user = useUser()
  if (!user)
    return (
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
      <LeaveButton text="Sign out" />
    </Panel>
  )
}
