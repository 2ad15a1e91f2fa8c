// The playground: each form is a step that is performed through the SDK, and every request is shown in the log.
import {
  ApiError,
  type ClientOptions,
  createClient,
  NetworkError,
  type SallyportClient,
  SecondFactorRequiredError,
  ValidationError,
} from '/playground/sdk/client.js'
import { keepPasskeyOptions, perform, type Step, stepKinds, toCode, toCurl } from './steps.ts'
import {
  askProof,
  copyButton,
  find,
  make,
  say,
  showDevices,
  showEvent,
  showExchange,
  showProposal,
  showSession,
} from './view.ts'

const settings = find('settings') as HTMLFormElement
const origin = location.origin
let client: SallyportClient

function options(): ClientOptions {
  const { project, transport } = read(settings)
  return {
    ...(project ? { projectId: project } : {}),
    projectUserAuth: {
      transport: transport === 'cookie' ? 'cookie' : 'bearer',
      // With localStorage two tabs share one session. Your app may use another storage.
      tokenStorage: localStorage,
    },
  }
}

/** Reads the filled fields of a form. */
function read(form: HTMLFormElement): Record<string, string> {
  const entries = [...new FormData(form)].filter(([, value]) => value !== '')
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value).trim()]))
}

const parse = (text: unknown) => {
  try {
    return typeof text === 'string' && text ? JSON.parse(text) : undefined
  } catch {
    return text
  }
}

/** The SDK's `fetch`: the browser's, which also adds each request to the log. */
async function watched(url: string, init: RequestInit): Promise<Response> {
  const began = performance.now()
  const exchange = {
    method: init.method ?? 'GET',
    path: url,
    headers: init.headers as Record<string, string>,
    sent: parse(init.body),
  }
  const note = (status: number | null, answer: unknown) =>
    showExchange({ ...exchange, status, ms: performance.now() - began, answer })
  try {
    const response = await fetch(url, init)
    note(response.status, parse(await response.clone().text()))
    return response
  } catch (error) {
    note(null, String(error))
    throw error
  }
}

async function connect(): Promise<void> {
  client?.close()
  client = createClient({ ...options(), fetch: watched, onStepUpRequired: askProof })
  client.onAuthStateChange((event, session, error) => {
    showEvent(`Event: ${event}${error ? ` (${error.message})` : ''}`)
    showSession(session)
    if (!session) showDevices([], () => {})
  })
  showSession(await client.getSession())
}

/** Describes an error in a sentence. */
function sentence(error: unknown): string {
  if (error instanceof ValidationError)
    return Object.entries(error.details)
      .map(([field, sentences]) => `${field}: ${sentences.join(' ')}`)
      .join(' · ')
  if (error instanceof ApiError) return `${error.status} ${error.code}: ${error.message}`
  if (error instanceof NetworkError) return error.message
  // The browser’s own refusal: no passkey was chosen, or the page has no domain.
  if (error instanceof DOMException) return `${error.name}: ${error.message}`
  throw error
}

async function go(step: Step, label: string): Promise<void> {
  try {
    const answer = (await perform(client, step)) as { message?: string; data?: never[] } | undefined
    say(answer?.message ?? `${label}: done.`)
    if (step.method === 'listSessions' && answer?.data)
      showDevices(answer.data, async (id) => {
        await go({ method: 'revokeSession', args: [id] }, 'End')
        await go({ method: 'listSessions', args: [] }, 'Devices')
      })
    if (step.method === 'signUp' && answer && 'verification_required' in answer) say(String(answer.message))
    if (step.method === 'proposeAuthenticator' && answer && 'qr_svg' in answer)
      showProposal(answer as { qr_svg: string; secret: string })
    if (step.method === 'confirmAuthenticator') showProposal(null)
  } catch (error) {
    if (error instanceof SecondFactorRequiredError) fillChallenge(error)
    say(sentence(error), true)
  }
}

/** Fills the form of the second factor with what a refused sign-in says. */
function fillChallenge({ challenge, passkeyOptions }: SecondFactorRequiredError): void {
  const field = document.querySelector<HTMLInputElement>(
    'form[data-step=completeSecondFactor] [name=challenge]',
  )
  if (field) field.value = challenge
  keepPasskeyOptions(passkeyOptions)
}

/** Copies the fields of a form to the empty fields of the others, so that they need to be typed only once. */
function spread(from: HTMLFormElement): void {
  const fields = read(from)
  for (const input of document.querySelectorAll<HTMLInputElement>('#steps input')) {
    const value = fields[input.name === 'current_password' ? 'password' : input.name]
    if (input.form !== from && input.value === '' && value && input.name !== 'code') input.value = value
  }
}

for (const form of document.querySelectorAll<HTMLFormElement>('form[data-step]')) {
  const method = form.dataset.step as keyof SallyportClient
  const kind = stepKinds[method]
  if (!kind) throw new Error(`There is no step ${method}.`)
  const step = (): Step => ({ method, args: kind.args(read(form)) })
  const submit = make('button', { type: 'submit' }, kind.label)
  const curl = copyButton('cURL', kind.label, async () =>
    toCurl(step(), origin, options(), await client.getSession()),
  )
  const code = copyButton('SDK code', kind.label, () => toCode(step(), origin, options()))
  form.append(make('div', { class: 'buttons' }, submit, curl, code))
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    submit.disabled = true
    spread(form)
    await go(step(), kind.label).finally(() => {
      submit.disabled = false
    })
  })
}
settings.addEventListener('change', connect)
settings.addEventListener('submit', (event) => event.preventDefault())
await connect()
