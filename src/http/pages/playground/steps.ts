// The steps of the page: the method and arguments of each, and the step as code and as cURL.
import {
  type ClientOptions,
  createClient,
  type SallyportClient,
  type SecondFactorRequiredError,
  type Session,
} from '/playground/sdk/client.js'

type Fields = Record<string, string>

/** One call of the SDK: a method's name and its arguments. */
export interface Step {
  readonly method: keyof SallyportClient
  readonly args: readonly unknown[]
}

interface StepKind {
  /** The text of the button. */
  readonly label: string
  readonly args: (fields: Fields) => readonly unknown[]
}

const whole = (fields: Fields) => [fields]
type PasskeyOptions = SecondFactorRequiredError['passkeyOptions']

/** The passkey's options of the last sign-in that waits for a second factor. */
let asked: PasskeyOptions
export function keepPasskeyOptions(options: PasskeyOptions): void {
  asked = options
}

/** The second factor; a passkey with the options that the refused sign-in had. */
const factor = ({ trust_device, ...fields }: Fields) => [
  {
    ...fields,
    ...(trust_device ? { trust_device: true } : {}),
    ...(fields.method === 'passkey' ? { passkey_options: asked } : {}),
  },
]
const nothing = () => []

export const stepKinds: Readonly<Record<string, StepKind>> = {
  signUp: { label: 'Sign up', args: whole },
  confirmVerificationEmail: { label: 'Verify', args: whole },
  resendVerificationEmail: { label: 'Send another', args: whole },
  signInWithPassword: { label: 'Sign in', args: whole },
  me: { label: 'Show me', args: nothing },
  refreshSession: { label: 'Refresh now', args: nothing },
  listSessions: { label: 'Show devices', args: nothing },
  revokeOtherSessions: { label: 'End all others', args: nothing },
  registerPasskey: { label: 'Add a passkey', args: whole },
  listPasskeys: { label: 'Show passkeys', args: nothing },
  signInWithPasskey: { label: 'Sign in with a passkey', args: nothing },
  startConditionalSignIn: { label: 'Offer passkeys in autofill', args: nothing },
  upgradeToPasskey: { label: 'Add one without asking', args: nothing },
  proposeAuthenticator: { label: 'Show the QR code', args: nothing },
  confirmAuthenticator: { label: 'Enrol it', args: whole },
  completeSecondFactor: { label: 'Complete the sign-in', args: factor },
  listFactors: { label: 'Show factors', args: nothing },
  removeAuthenticator: { label: 'Remove the app', args: nothing },
  changePassword: { label: 'Change', args: whole },
  forgotPassword: { label: 'Send a mail', args: whole },
  signOut: { label: 'Sign out', args: nothing },
  signOutAll: { label: 'Sign out everywhere', args: nothing },
}

/** Performs a step on a client. */
export function perform(client: SallyportClient, { method, args }: Step): Promise<unknown> {
  const call = client[method] as (...args: readonly unknown[]) => Promise<unknown>
  return call(...args)
}

const literal = (value: unknown) => JSON.stringify(value, null, 2).replace(/"([a-z_]+)":/g, '$1:')

/** Returns the step as a complete program. */
export function toCode(step: Step, origin: string, options: ClientOptions): string {
  const { projectId, projectUserAuth } = options
  const given = literal({
    baseUrl: origin,
    ...(projectId ? { projectId } : {}),
    projectUserAuth: { transport: projectUserAuth?.transport ?? 'bearer' },
  })
  const args = step.args.map(literal).join(', ')
  return `import { createClient } from '@sallyport/client'

const client = createClient(${given})

console.log(await client.${String(step.method)}(${args}))
`
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/**
 * Returns the step as a curl command, from the request that the SDK would send. In cookie mode curl keeps the cookies in
 * the file `jar`.
 */
export async function toCurl(
  step: Step,
  origin: string,
  options: ClientOptions,
  session: Session | null,
): Promise<string> {
  const { access_token: accessToken, refresh_token: refreshToken } = session ?? {}
  const transport = options.projectUserAuth?.transport ?? 'bearer'
  let command = ''
  const scribe = createClient({
    ...options,
    baseUrl: origin,
    projectUserAuth: {
      transport,
      autoRefresh: false,
      ...(accessToken ? { accessToken } : {}),
      ...(refreshToken ? { refreshToken } : {}),
      tokenStorage: { getItem: () => null, setItem() {}, removeItem() {} },
    },
    async fetch(url, init) {
      const headers = Object.entries(init.headers as Record<string, string>)
      const words = [
        `curl -s -X ${init.method} ${quoted(url)}`,
        ...(transport === 'cookie' ? ['-b jar -c jar'] : []),
        ...headers
          .filter(([name]) => name !== 'accept')
          .map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
        ...(typeof init.body === 'string' ? [`-d ${quoted(init.body)}`] : []),
      ]
      command ||= words.join(' \\\n  ')
      throw new Error('Written down.')
    },
  })
  await perform(scribe, step).catch(() => {})
  scribe.close()
  return command
}
