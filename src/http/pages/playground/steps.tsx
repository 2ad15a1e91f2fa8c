// The steps of the tour: their box, the answers that complete them, and obstacles in the project's policy.
import type { ReactNode } from 'react'
import { type Facts, facts } from './facts.ts'
import { ConfirmAddress } from './pane-confirm.tsx'
import { StepUp } from './pane-step-up.tsx'
import { Factor, Leave, Me, Passkey, Sessions, SignInBox, SignUpBox } from './panes.tsx'

export type StepId =
  | 'sign-up'
  | 'confirm'
  | 'sign-in'
  | 'me'
  | 'sessions'
  | 'factor'
  | 'passkey'
  | 'step-up'
  | 'sign-out'

/** A feature that the policy turns off, and the policy that turns it on. */
export interface Obstacle {
  readonly text: string
  readonly policy: object
}

export interface Step {
  readonly id: StepId
  readonly title: string
  /** The introduction, in a sentence. */
  readonly lead: string
  /** The rest of the sentence that begins with “Done when”. */
  readonly until: string
  readonly draw: () => ReactNode
  /** Matches the answers that complete the step, as `METHOD path status`. */
  readonly completedBy: RegExp
  /** True: the step is completed only while it is open, because components of other steps send the same request. */
  readonly onlyWhileOpen?: boolean
  readonly obstacle?: (facts: Facts) => Obstacle | null
}

export const steps: readonly Step[] = [
  {
    id: 'sign-up',
    title: 'Sign up',
    lead: 'One request creates the account and opens its first session.',
    until: 'the service answers 201 with a user (202 where addresses must be confirmed first)',
    draw: () => <SignUpBox />,
    completedBy: /^POST \/api\/auth\/signup 20[12]$/,
    obstacle: ({ signUp }) =>
      signUp === 'open' ? null : { text: 'Sign-up is closed in this project.', policy: { sign_up: 'open' } },
  },
  {
    id: 'confirm',
    title: 'Confirm the address',
    lead: 'The mail has a link and a code of six digits; typed in the session, the code proves mailbox and owner at once.',
    until: 'the service accepts the code',
    draw: () => <ConfirmAddress />,
    completedBy: /^POST \/api\/auth\/verify-email\/confirm 200$/,
    obstacle: ({ verification }) =>
      verification === 'off'
        ? {
            text: 'Verification is off in this project: no mail is sent.',
            policy: { verification: { mode: 'lenient' } },
          }
        : null,
  },
  {
    id: 'sign-in',
    title: 'Sign in',
    lead: 'The same box asks for the password, a passkey or a second factor, whichever the account needs.',
    until: 'the service answers a sign-in with a session',
    draw: () => <SignInBox />,
    completedBy: /^POST \/api\/auth\/login(?:\/(?:passkey|second-factor|email\/confirm))? 200$/,
    obstacle: () =>
      facts.emailSignIn
        ? null
        : {
            text: 'Password and passkey sign in. A mailed code is off in this project.',
            policy: { email_sign_in: 'existing' },
          },
  },
  {
    id: 'me',
    title: 'Who am I?',
    lead: 'An access token says who calls; the profile is the user’s own to change.',
    until: 'the service answers GET /api/auth/me with the user',
    draw: () => <Me />,
    completedBy: /^GET \/api\/auth\/me 200$/,
    onlyWhileOpen: true,
  },
  {
    id: 'sessions',
    title: 'Sessions and refresh',
    lead: 'Access tokens are short-lived and are refreshed; two tabs of a browser share one session, another browser has its own.',
    until: 'a refresh is answered with new tokens',
    draw: () => <Sessions />,
    completedBy: /^POST \/api\/auth\/refresh 200$/,
    onlyWhileOpen: true,
  },
  {
    id: 'factor',
    title: 'Second factor',
    lead: 'Scan the QR code with an authenticator app; from then on a sign-in asks for its code as well.',
    until: 'the first code of the app is accepted',
    draw: () => <Factor />,
    completedBy: /^POST \/api\/auth\/factors\/totp\/confirm 200$/,
  },
  {
    id: 'passkey',
    title: 'Passkey',
    lead: 'A fingerprint, face or screen lock in place of the password, which no other site can ask for.',
    until: 'the service has stored the passkey',
    draw: () => <Passkey />,
    completedBy: /^POST \/api\/auth\/passkeys 201$/,
  },
  {
    id: 'step-up',
    title: 'Step-up',
    lead: 'What matters most wants a fresh proof: the session gets a new time of authentication, and stays.',
    until: 'the service accepts the proof and renews the tokens',
    draw: () => <StepUp />,
    completedBy: /^POST \/api\/auth\/step-up 200$/,
  },
  {
    id: 'sign-out',
    title: 'Sign out',
    lead: 'The session ends at the service: its tokens are refused from then on.',
    until: 'the service has ended the session',
    draw: () => <Leave />,
    completedBy: /^POST \/api\/auth\/logout(?:-all)? 200$/,
    onlyWhileOpen: true,
  },
]

/** The step of a fragment such as `#sign-in`, or undefined. */
export const stepOf = (fragment: string): Step | undefined =>
  steps.find(({ id }) => id === fragment.replace('#', ''))
