// Passkeys: in the autofill of the address, by a button, as a second factor, and new ones. The response is posted in a form.
import type { Facts } from './facts.ts'

interface Flow {
  readonly flow: string
  readonly options: PublicKeyCredentialRequestOptionsJSON
}

const canUse = () => typeof PublicKeyCredential === 'function' && !!navigator.credentials

/** Base64url as bytes; `parseRequestOptionsFromJSON` is not in every browser that has passkeys. */
function toBytes(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replace(/-/g, '+').replace(/_/g, '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}
const toText = (bytes: ArrayBuffer) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replace(/\+/g, '-')
    .replace(/\//g, '_')
    .replace(/=/g, '')

function readOptions(json: PublicKeyCredentialRequestOptionsJSON): PublicKeyCredentialRequestOptions {
  const { challenge, allowCredentials = [], rpId, timeout } = json
  return {
    challenge: toBytes(challenge),
    allowCredentials: allowCredentials.map(({ id }) => ({ type: 'public-key', id: toBytes(id) })),
    userVerification: 'required',
    ...(rpId === undefined ? {} : { rpId }),
    ...(timeout === undefined ? {} : { timeout }),
  }
}

/** The response of a passkey as the JSON that the service reads. */
function printAnswer({ id, type, response }: PublicKeyCredential): string {
  const { clientDataJSON, authenticatorData, signature, userHandle } =
    response as AuthenticatorAssertionResponse
  return JSON.stringify({
    id,
    type,
    response: {
      clientDataJSON: toText(clientDataJSON),
      authenticatorData: toText(authenticatorData),
      signature: toText(signature),
      ...(userHandle ? { userHandle: toText(userHandle) } : {}),
    },
  })
}

async function ask(options: PublicKeyCredentialRequestOptionsJSON, more: CredentialRequestOptions) {
  return (await navigator.credentials.get({
    ...more,
    publicKey: readOptions(options),
  })) as PublicKeyCredential | null
}

function send(form: HTMLFormElement, values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) {
    const field = form.elements.namedItem(name)
    if (field instanceof HTMLInputElement) field.value = value
  }
  form.requestSubmit()
}

function complain(form: HTMLFormElement, { passkeyFailed = '' }: Facts): void {
  const place = form.querySelector<HTMLElement>('.wrong')
  if (!place) return
  place.hidden = false
  place.textContent = passkeyFailed
}

async function newFlow({ project = '', base = '' }: Facts): Promise<Flow> {
  const answer = await fetch(`${base}/api/auth/passkeys/sign-in-options`, {
    method: 'POST',
    headers: { 'project-id': project, 'content-type': 'application/json' },
    body: '{}',
  })
  if (!answer.ok) throw new Error(String(answer.status))
  return answer.json()
}

/** Offers passkeys in the autofill and by the button, which cancels the autofill. */
async function offerSignIn(form: HTMLFormElement, facts: Facts): Promise<void> {
  const others = document.getElementById('others')
  if (others) others.hidden = false
  form.hidden = false
  let waiting = new AbortController()
  // The signal of the autofill: the button may be pressed before the autofill begins.
  const { signal } = waiting
  form.querySelector('button')?.addEventListener('click', async () => {
    waiting.abort()
    waiting = new AbortController()
    try {
      const { flow, options } = await newFlow(facts)
      const answer = await ask(options, { signal: waiting.signal })
      if (answer) send(form, { flow, credential: printAnswer(answer) })
    } catch {
      complain(form, facts)
    }
  })
  // No autofill after a failure: an authenticator that responds without a prompt would fail again and again.
  if (document.querySelector('.notice.bad')) return
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return
  try {
    if (signal.aborted) return
    const { flow, options } = await newFlow(facts)
    if (signal.aborted) return
    const answer = await ask(options, { signal, mediation: 'conditional' })
    if (answer) send(form, { flow, credential: printAnswer(answer) })
  } catch {
    // The autofill failed or was cancelled: the person signs in another way.
  }
}

/** The button that uses a passkey as a second factor or for a step-up. */
function offerSecondFactor(button: HTMLButtonElement, facts: Facts): void {
  const { form } = button
  if (!form) return
  button.addEventListener('click', async () => {
    try {
      const answer = await ask(JSON.parse(button.dataset.options ?? '{}'), {})
      if (answer) send(form, { credential: printAnswer(answer) })
    } catch {
      complain(form, facts)
    }
  })
}

function readCreation(json: PublicKeyCredentialCreationOptionsJSON): PublicKeyCredentialCreationOptions {
  const { challenge, user, excludeCredentials = [], pubKeyCredParams, rp, timeout } = json
  return {
    challenge: toBytes(challenge),
    rp,
    user: { ...user, id: toBytes(user.id) },
    pubKeyCredParams: pubKeyCredParams as PublicKeyCredentialParameters[],
    excludeCredentials: excludeCredentials.map(({ id }) => ({ type: 'public-key', id: toBytes(id) })),
    authenticatorSelection: {
      residentKey: 'required',
      requireResidentKey: true,
      userVerification: 'required',
    },
    attestation: 'none',
    ...(timeout === undefined ? {} : { timeout }),
  }
}

/** A new passkey as the JSON that the service reads. */
function printNew({ id, type, response }: PublicKeyCredential): string {
  const made = response as AuthenticatorAttestationResponse
  return JSON.stringify({
    id,
    type,
    response: {
      clientDataJSON: toText(made.clientDataJSON),
      attestationObject: toText(made.attestationObject),
      transports: made.getTransports?.() ?? [],
    },
  })
}

/** The button that creates a passkey for the account. */
function offerCreation(button: HTMLButtonElement, facts: Facts): void {
  const { form } = button
  if (!form) return
  button.addEventListener('click', async () => {
    try {
      const publicKey = readCreation(JSON.parse(button.dataset.create ?? '{}'))
      const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential | null
      if (made) send(form, { credential: printNew(made) })
    } catch {
      complain(form, facts)
    }
  })
}

export function offerPasskeys(facts: Facts): void {
  if (!canUse()) return
  for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-create]'))
    offerCreation(button, facts)
  const form = document.querySelector<HTMLFormElement>('form#passkey')
  if (form) void offerSignIn(form, facts)
  for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-options]'))
    offerSecondFactor(button, facts)
}
