// The controls of our forms. Every function returns HTML. Texts are escaped here; only parameters named `…Html` are HTML.
import { html } from 'ghtml'

export interface Field {
  readonly name: string
  readonly label: string
  /** Default: `text`. */
  readonly type?: 'text' | 'email' | 'password'
  readonly value?: string
  /** A sentence below the field. */
  readonly hint?: string | null
  /** A sentence about the value that was refused; the field gets the focus. */
  readonly wrong?: string | null
  /** Attributes as HTML, such as `autocomplete="username" required`. */
  readonly attributesHtml?: string
  /** A link beside the label. */
  readonly besideHtml?: string
  /** HTML below the field, such as a meter. */
  readonly belowHtml?: string
}

/** A labelled input with its hint and its error, which are linked to it for assistive technology. */
export function field({ name, label, type = 'text', value = '', hint, wrong, ...more }: Field): string {
  const { attributesHtml = '', besideHtml, belowHtml = '' } = more
  const described = [hint ? `${name}-hint` : '', wrong ? `${name}-wrong` : ''].filter(Boolean).join(' ')
  const describedBy = described ? html`aria-describedby="${described}"` : ''
  const title = html`<label for="${name}">${label}</label>`
  return html`<div class="field">
!${besideHtml ? `<div class="field-head">${title}${besideHtml}</div>` : title}
<input id="${name}" name="${name}" type="${type}" !${value ? html`value="${value}"` : ''} !${attributesHtml} !${describedBy} !${wrong ? 'aria-invalid="true" autofocus' : ''}>
!${wrong ? html`<p class="wrong" id="${name}-wrong" role="alert">${wrong}</p>` : ''}!${hint ? html`<p class="hint" id="${name}-hint">${hint}</p>` : ''}!${belowHtml}
</div>`
}

/** The field of a one-time code. @param length digits; null: a recovery code, which has letters too */
export function codeField(
  name: string,
  label: string,
  wrong: string | null,
  { length = 6, hint = null }: { length?: number | null; hint?: string | null } = {},
): string {
  const digits = length
    ? `inputmode="numeric" class="code" maxlength="${length + 4}"`
    : 'maxlength="64" spellcheck="false"'
  const autocomplete = length ? 'one-time-code' : 'off'
  return field({
    name,
    label,
    wrong,
    hint,
    attributesHtml: `autocomplete="${autocomplete}" autocapitalize="none" required ${length && !wrong ? 'autofocus' : ''} ${digits}`,
  })
}

interface PasskeyButton {
  /** `options`: the browser asks for a passkey; `create`: it makes one. */
  readonly kind: 'options' | 'create'
  /** JSON of the options that the browser is given. */
  readonly options: string
  readonly label: string
  /** A sentence for browsers without script. */
  readonly needsScript: string
  /** A sentence about the answer that was refused before. */
  readonly wrong?: string | null
}

/** The button that the script answers with a passkey, in the hidden field `credential`. */
export const passkeyButton = ({ kind, options, label, needsScript, wrong }: PasskeyButton): string =>
  html`<input type="hidden" name="credential">
<noscript><p class="notice warn">${needsScript}</p></noscript>
<button type="button" data-!${kind}="${options}">${label}</button>
<p class="wrong" role="alert" !${wrong ? '' : 'hidden'}>${wrong ?? ''}</p>`

/** A checkbox with its label. */
export const check = (name: string, label: string, isChecked = false): string =>
  html`<label class="check"><input type="checkbox" name="${name}" value="yes" !${isChecked ? 'checked' : ''}><span>${label}</span></label>`

export const hidden = (name: string, value: string): string =>
  html`<input type="hidden" name="${name}" value="${value}">`

/** A form that posts to `action`. @param fields hidden fields; empty ones are left out */
export const form = (
  action: string,
  fields: Readonly<Record<string, string | null | undefined>>,
  contentHtml: string,
): string => {
  const carried = Object.entries(fields).map(([name, value]) => (value ? hidden(name, value) : ''))
  return html`<form method="post" action="${action}">!${carried.join('')}
!${contentHtml}
</form>`
}

export type ButtonKind = 'first' | 'second' | 'danger' | 'plain'

const classOf = (kind: ButtonKind): string => (kind === 'first' ? '' : html` class="${kind}"`)

export const button = (text: string, kind: ButtonKind = 'first', iconHtml = ''): string =>
  html`<button type="submit"!${classOf(kind)}>!${iconHtml}${text}</button>`

/** A link that looks like a button. */
export const buttonLink = (href: string, text: string, kind: 'first' | 'second' = 'first', iconHtml = '') =>
  html`<a class="button!${kind === 'second' ? ' second' : ''}" href="${href}">!${iconHtml}<span>${text}</span></a>`

/** A highlighted sentence. Screen readers announce `bad` at once. */
export const notice = (kind: 'info' | 'good' | 'warn' | 'bad', text: string): string =>
  html`<p class="notice !${kind}" role="!${kind === 'bad' ? 'alert' : 'status'}">${text}</p>`

/** A line with a word in its middle, between two ways to sign in. */
export const divider = (word: string): string => html`<div class="or"><span>${word}</span></div>`
