// The views of the page: requests and events, the session with its decoded token, devices. Values are inserted as text only.
import type { components, Session, StepUpProof, StepUpRequiredError } from '/playground/sdk/client.js'

/** Makes an element. Strings among the children become text. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children)
  return element
}

/** Returns the element with an id, which the page must have. */
export function find(id: string): HTMLElement {
  const element = document.getElementById(id)
  if (!element) throw new Error(`The page has no #${id}.`)
  return element
}

export function say(text: string, isWrong = false): void {
  const status = find('status')
  status.textContent = text
  status.className = isWrong ? 'wrong' : ''
}

const json = (value: unknown) => make('pre', { tabindex: '0' }, JSON.stringify(value, null, 2))

/** Makes a button that copies the result of `text` and confirms it. @param about the step that it copies */
export function copyButton(
  label: string,
  about: string,
  text: () => string | Promise<string>,
): HTMLButtonElement {
  const button = make('button', { type: 'button', 'aria-label': `Copy as ${label}: ${about}` }, label)
  button.addEventListener('click', async () => {
    const copied = await text()
    await navigator.clipboard.writeText(copied).then(
      () => say('Copied.'),
      () => showText(copied),
    )
  })
  return button
}

/** Shows the text for copying by hand, where a browser forbids the clipboard. */
function showText(text: string): void {
  const dialog = make('dialog', {}, make('pre', { tabindex: '0' }, text))
  const close = make('button', { type: 'button' }, 'Close')
  close.addEventListener('click', () => dialog.close())
  dialog.addEventListener('close', () => dialog.remove())
  dialog.append(close)
  document.body.append(dialog)
  dialog.showModal()
}

function note(entry: HTMLElement): void {
  find('empty').hidden = true
  find('log').prepend(entry)
}

export function showEvent(text: string): void {
  note(make('li', { class: 'event' }, text))
}

export interface Exchange {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly sent: unknown
  /** null: no answer. */
  readonly status: number | null
  readonly ms: number
  readonly answer: unknown
}

export function showExchange({ method, path, headers, sent, status, ms, answer }: Exchange): void {
  const mark = make('span', { class: status && status < 400 ? 'ok' : 'bad' }, String(status ?? 'no answer'))
  const title = make('span', { class: 'mono' }, `${method} ${path}`)
  const time = make('span', { class: 'quiet' }, `${Math.round(ms)} ms`)
  time.style.flexBasis = 'auto'
  note(
    make(
      'li',
      {},
      make(
        'details',
        {},
        make('summary', {}, mark, title, time),
        make('h4', {}, 'Headers sent'),
        json(headers),
        ...(sent === undefined ? [] : [make('h4', {}, 'Body sent'), json(sent)]),
        make('h4', {}, 'Answer'),
        json(answer ?? null),
      ),
    ),
  )
}

/** Decodes the header and claims of a JWT for display, without verifying it. */
export function decode(token: string): { header: unknown; claims: unknown } {
  const part = (index: number) => {
    const text = (token.split('.')[index] ?? '').replaceAll('-', '+').replaceAll('_', '/')
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
    return JSON.parse(new TextDecoder().decode(bytes))
  }
  return { header: part(0), claims: part(1) }
}

function folded(title: string, value: unknown, isOpen = false): HTMLElement {
  return make('details', isOpen ? { open: '' } : {}, make('summary', {}, title), json(value))
}

export function showSession(session: Session | null): void {
  const parts: Node[] = []
  if (session?.user) {
    const { access_token, refresh_token, user, ...instants } = session
    parts.push(make('h3', {}, `Signed in as ${user.email}`))
    if (access_token) {
      const { header, claims } = decode(access_token)
      parts.push(
        folded('Access token: claims', claims, true),
        folded('Access token: header', header),
        folded('Refresh token: opaque', refresh_token),
      )
    } else
      parts.push(
        make(
          'p',
          { class: 'quiet' },
          'The tokens are in HttpOnly cookies: no script can read them, not even this page.',
        ),
      )
    parts.push(folded('Session', instants, !access_token), folded('User', user))
  }
  find('session').replaceChildren(...parts)
}

type Device = components['schemas']['SessionEntry']

/** Lists devices; `end` is called with the id of the session to end. */
export function showDevices(devices: readonly Device[], end: (id: string) => void): void {
  const items = devices.map(({ id, current, last_seen_at, device }) => {
    const name = [device.browser, device.os].filter(Boolean).join(' on ') || 'Unknown device'
    const text = `${name}${current ? ' (this one)' : ''}, last seen ${new Date(last_seen_at).toLocaleString()}`
    const button = make('button', { type: 'button', 'aria-label': `End ${text}` }, 'End')
    button.addEventListener('click', () => end(id))
    return make('li', {}, make('span', {}, text), button)
  })
  find('devices').replaceChildren(...(items.length > 0 ? [make('ul', {}, ...items)] : []))
}

/** Shows the secret for an authenticator app as a QR code; null: nothing. */
export function showProposal(proposal: { readonly qr_svg: string; readonly secret: string } | null): void {
  if (!proposal) {
    find('factor').replaceChildren()
    return
  }
  const { documentElement: qr } = new DOMParser().parseFromString(proposal.qr_svg, 'image/svg+xml')
  qr.setAttribute('width', '200')
  qr.setAttribute('role', 'img')
  qr.setAttribute('aria-label', 'QR code for an authenticator app')
  const typed = make('p', { class: 'mono' }, proposal.secret)
  find('factor').replaceChildren(document.importNode(qr, true), typed)
}

/** Asks the person for what a step-up needs; null where they cancel. */
export function askProof({ factors, passkeyOptions }: StepUpRequiredError): Promise<StepUpProof | null> {
  const method = make('select', { name: 'method' }, ...factors.map((name) => make('option', {}, name)))
  const typed = make('input', { name: 'typed', autocomplete: 'off', type: 'password' })
  const form = make(
    'form',
    { method: 'dialog' },
    make('h3', {}, 'Prove yourself again'),
    make('label', {}, 'Method ', method),
    make('label', {}, 'Password or code ', typed),
    make('button', { value: 'prove' }, 'Prove'),
  )
  const dialog = make('dialog', {}, form)
  document.body.append(dialog)
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      const chosen = method.value as StepUpRequiredError['factors'][number]
      const proof: StepUpProof =
        chosen === 'passkey'
          ? { method: chosen, passkey_options: passkeyOptions }
          : { method: chosen, [chosen === 'password' ? 'password' : 'code']: typed.value }
      resolve(dialog.returnValue === 'prove' ? proof : null)
      dialog.remove()
    })
  })
}
