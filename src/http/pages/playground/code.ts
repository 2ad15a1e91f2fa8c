// The code of each step: curl with the expected answer, the SDK, React, and a back end with @sallyport/server.
import type { Facts } from './facts.ts'
import type { Transport } from './memory.ts'
import type { StepId } from './steps.tsx'

export const languages = { curl: 'curl', sdk: 'SDK', react: 'React', server: 'Server' } as const
export type Language = keyof typeof languages

/** The values that the code contains. */
export interface Setting {
  readonly facts: Facts
  readonly transport: Transport
  readonly email: string
}

interface Curl {
  readonly method: string
  /** Below /api/auth. */
  readonly path: string
  readonly isSignedIn?: boolean
  /** `$NAME` in a string is a variable of the shell. */
  readonly body?: object
  readonly answers: number
  /** The members of the answer. */
  readonly has: readonly string[]
  readonly remark?: string
}

const password = 'correct horse battery'
const session = ['access_token', 'refresh_token', 'user']
const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
/** A string literal of JavaScript. */
const literal = (text: string) => `'${text.replace(/[\\']/g, '\\$&')}'`
const bodyOf = (body: object) =>
  quote(JSON.stringify(body)).replace(/"\$([A-Z]+)"/g, (_whole, name) => `"'$${name}'"`)

const curls: Readonly<Record<StepId, (email: string, facts: Facts) => readonly Curl[]>> = {
  'sign-up': (email, { verification }) => [
    {
      method: 'POST',
      path: '/signup',
      body: { email, password, display_name: 'Ada' },
      ...(verification === 'strict'
        ? { answers: 202, has: ['verification_required', 'user'] }
        : { answers: 201, has: session }),
    },
  ],
  confirm: (email) => [
    {
      method: 'POST',
      path: '/verify-email/confirm',
      isSignedIn: true,
      body: { email, code: '$CODE' },
      answers: 200,
      has: ['message'],
      remark: 'CODE: the six digits of the mail',
    },
  ],
  'sign-in': (email) => [
    { method: 'POST', path: '/login', body: { email, password }, answers: 200, has: session },
  ],
  me: () => [
    { method: 'GET', path: '/me', isSignedIn: true, answers: 200, has: ['user'] },
    {
      method: 'PATCH',
      path: '/profile',
      isSignedIn: true,
      body: { display_name: 'Ada L.' },
      answers: 200,
      has: ['user'],
    },
  ],
  sessions: () => [
    { method: 'GET', path: '/sessions', isSignedIn: true, answers: 200, has: ['data'] },
    {
      method: 'POST',
      path: '/refresh',
      body: { refresh_token: '$REFRESH' },
      answers: 200,
      has: session,
      remark: 'REFRESH: the refresh_token of the sign-in',
    },
  ],
  factor: () => [
    {
      method: 'POST',
      path: '/factors/totp',
      isSignedIn: true,
      answers: 201,
      has: ['otpauth_uri', 'secret', 'qr_svg'],
    },
    {
      method: 'POST',
      path: '/factors/totp/confirm',
      isSignedIn: true,
      body: { code: '$CODE' },
      answers: 200,
      has: ['recovery_codes'],
      remark: 'CODE: the six digits of the app',
    },
  ],
  passkey: () => [
    {
      method: 'POST',
      path: '/passkeys/registration-options',
      isSignedIn: true,
      body: {},
      answers: 200,
      has: ['flow', 'options'],
      remark: 'A browser answers these options; its answer goes to POST /api/auth/passkeys',
    },
  ],
  'step-up': () => [
    {
      method: 'POST',
      path: '/step-up',
      isSignedIn: true,
      body: { method: 'totp', code: '$CODE' },
      answers: 200,
      has: session,
      remark: `Without an app: {"method":"password","password":"${password}"}`,
    },
  ],
  'sign-out': () => [{ method: 'POST', path: '/logout', isSignedIn: true, answers: 200, has: ['message'] }],
}

function curlOf(
  { method, path, isSignedIn, body, answers, has, remark }: Curl,
  { isDefault, project }: Facts,
): string {
  const words = [
    `curl -s ${method === 'GET' ? '' : `-X ${method} `}$API${path}`,
    ...(isDefault ? [] : [`-H 'project-id: ${project}'`]),
    ...(isSignedIn ? ['-H "authorization: Bearer $TOKEN"'] : []),
    ...(body ? [`-H 'content-type: application/json'`, `-d ${bodyOf(body)}`] : []),
  ]
  const said = remark ? `# ${remark}\n` : ''
  return `${said}${words.join(' \\\n  ')}\n# ${answers}: ${has.join(', ')}`
}

function toCurl(step: StepId, { facts, email }: Setting): string {
  const all = curls[step](email, facts)
  const token = all.some(({ isSignedIn }) => isSignedIn) ? '# TOKEN: the access_token of the sign-in\n' : ''
  return `API=${facts.base}/api/auth\n${token}\n${all.map((each) => curlOf(each, facts)).join('\n\n')}\n`
}

const call = {
  'sign-up': (email: string) => `const { user } = await auth.signUp({
  email: ${literal(email)},
  password: '${password}',
  display_name: 'Ada',
})`,
  confirm: (email: string) => `// The link of the mail does the same on a page of the service.
await auth.confirmVerificationEmail({ email: ${literal(email)}, code: '123456' })`,
  'sign-in': (email: string) => `// Throws a SecondFactorRequiredError where the account has a second factor.
await auth.signInWithPassword({ email: ${literal(email)}, password: '${password}' })`,
  me: () => `const { user } = await auth.me()
await auth.updateProfile({ display_name: 'Ada L.' })`,
  sessions: () => `// The client refreshes by itself; all tabs share one session.
auth.onAuthStateChange((event, session) => console.log(event, session?.user))
await auth.refreshSession()
const { data } = await auth.listSessions()`,
  factor: () => `const { qr_svg, secret } = await auth.proposeAuthenticator()
// Show the picture, ask for the code of the app:
const { recovery_codes } = await auth.confirmAuthenticator({ code: '123456' })`,
  passkey: () => `await auth.registerPasskey({ name: 'My laptop' })
// From then on:
await auth.signInWithPasskey()`,
  'step-up': () => `await auth.stepUp({ method: 'totp', code: '123456' })
// Or pass onStepUpRequired to createClient: it is called where a method needs the proof.`,
  'sign-out': () => `await auth.signOut()
// Or on every device:
await auth.signOutAll()`,
} satisfies Record<StepId, (email: string) => string>

const drawn: Readonly<Record<StepId, readonly [string, string]>> = {
  'sign-up': ['SignUp', '<SignUp signIn="/sign-in" onDone={() => location.assign("/")} />'],
  confirm: ['SignUp', '<SignUp signIn="/sign-in" />  {/* asks for the code where the policy is strict */}'],
  'sign-in': ['SignIn', '<SignIn signUp="/sign-up" />'],
  me: ['AccountPage, useUser', "<AccountPage sections={['profile']} />  {/* or useUser() */}"],
  sessions: ['AccountPage', "<AccountPage sections={['sessions']} />"],
  factor: ['AccountPage', "<AccountPage sections={['factors']} />"],
  passkey: ['AccountPage', "<AccountPage sections={['passkeys']} />"],
  'step-up': ['AccountPage', '<AccountPage />  {/* asks for the proof where a change needs it */}'],
  'sign-out': ['UserButton', '<UserButton account="/account" />'],
}

const served: Readonly<Record<StepId, string>> = {
  'sign-up': `// A form of yours posts email and password to /auth/sign-up; this answers it and sets the cookies.
const response = await auth.handle(request)`,
  confirm: `const { session } = await auth.resume(request)
await auth.clientFor(request, session).confirmVerificationEmail({ email, code })`,
  'sign-in': `// /auth/sign-in leads to the pages of the service, and /auth/callback back to yours.
const response = await auth.handle(request)`,
  me: `const session = await auth.authenticate(request)   // null: signed out
if (session) console.log(session.userId, session.role)`,
  sessions: `// Refreshes where the token ends; send the lines of Set-Cookie with your answer.
const { session, setCookies } = await auth.resume(request)`,
  factor: `// Only sessions with two factors:
await auth.authenticate(request, { requireAcr: '2' })`,
  passkey: `const session = await auth.authenticate(request)
if (session) console.log(await auth.clientFor(request, session).listPasskeys())`,
  'step-up': `// Throws a StepUpRequiredError; its toResponse() has the challenge of RFC 9470.
await auth.authenticate(request, { maxAgeSeconds: 300 })`,
  'sign-out': `const setCookies = await auth.signOut(request)`,
}

const clientOf = ({ facts, transport }: Setting) => `createClient({
  baseUrl: '${facts.base}',${facts.isDefault ? '' : `\n  projectId: '${facts.project}',`}
  projectUserAuth: { transport: '${transport}' },
})`

/** The code of a step in a language. */
export function toCode(step: StepId, language: Language, setting: Setting): string {
  const { facts, email } = setting
  if (language === 'curl') return toCurl(step, setting)
  if (language === 'sdk')
    return `import { createClient } from '@sallyport/client'

const auth = ${clientOf(setting)}

${call[step](email)}
`
  if (language === 'react')
    return `import { createClient } from '@sallyport/client'
import { SallyportProvider, ${drawn[step][0]} } from '@sallyport/react'
import '@sallyport/react/styles.css'

const client = ${clientOf(setting)}

export const App = () => (
  <SallyportProvider client={client}>
    ${drawn[step][1]}
  </SallyportProvider>
)
`
  return `import { createSallyport } from '@sallyport/server'

export const auth = createSallyport({
  url: '${facts.base}',
  projectId: '${facts.project}',
  appUrl: 'http://localhost:8080',
})

${served[step]}
`
}
