// The steps of the page: what each calls, with what of its form, and how it reads as code and as cURL.
import { type ClientOptions, createClient, type SallyportClient } from '/playground/sdk/client.js'

type Fields = Record<string, string>

/** One call of the SDK: a method's name and its arguments. */
export interface Step {
  readonly method: keyof SallyportClient
  readonly args: readonly unknown[]
}

interface StepKind {
  /** On the button. */
  readonly label: string
  readonly args: (fields: Fields) => readonly unknown[]
}

const whole = (fields: Fields) => [fields]
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

/** The step as a program that runs as it is. */
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
 * The step as a command: what the SDK would send, written down instead of sent. In cookie mode the cookies are those
 * of curl, in the file \`jar\`.
 */
export async function toCurl(
  step: Step,
  origin: string,
  options: ClientOptions,
  known: Known,
): Promise<string> {
  const { accessToken, refreshToken } = known
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

export interface Known {
  readonly accessToken: string | undefined
  readonly refreshToken: string | undefined
}
