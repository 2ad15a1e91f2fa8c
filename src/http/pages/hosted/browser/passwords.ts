// Password fields: a button that shows the password, and a strength meter. The service makes the decision.
import type { Facts } from './facts.ts'

function addToggle(field: HTMLInputElement, { show = '', hide = '' }: Facts): void {
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = show
  button.setAttribute('aria-pressed', 'false')
  button.setAttribute('aria-controls', field.id)
  button.addEventListener('click', () => {
    const isShown = field.type === 'text'
    field.type = isShown ? 'password' : 'text'
    button.textContent = isShown ? show : hide
    button.setAttribute('aria-pressed', String(!isShown))
    field.focus()
  })
  const box = document.createElement('div')
  box.className = 'inside'
  // A field that is moved loses its focus.
  const hadFocus = document.activeElement === field
  field.replaceWith(box)
  box.append(field, button)
  if (hadFocus) field.focus()
  // Sent as a password field, so that the browser offers to save it.
  field.form?.addEventListener('submit', () => {
    field.type = 'password'
  })
}

/** The strength of a password from 0 (too short) to 4 (strong). Repetitions and sequences count as one character. */
function strengthOf(password: string, min: number): number {
  const characters = [...password]
  if (characters.length < min) return 0
  const isNew = (character: string, at: number) => {
    const before = characters[at - 1]
    if (before === undefined) return true
    const step = (character.codePointAt(0) ?? 0) - (before.codePointAt(0) ?? 0)
    return Math.abs(step) > 1
  }
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z\d]/].filter((kind) => kind.test(password)).length
  const counted = characters.filter(isNew).length + (kinds - 1) * 2
  return counted < 9 ? 1 : counted < 13 ? 2 : counted < 18 ? 3 : 4
}

function addMeter(field: HTMLInputElement, box: HTMLElement): void {
  const words = box.dataset.words?.split('|') ?? []
  const [meter, text] = [box.querySelector<HTMLElement>('.meter'), box.querySelector('p')]
  field.addEventListener('input', () => {
    const score = strengthOf(field.value, Number(box.dataset.min))
    box.hidden = field.value === ''
    if (meter) meter.dataset.score = String(score)
    if (text) text.textContent = words[score] ?? ''
  })
}

export function enhancePasswords(facts: Facts): void {
  for (const field of document.querySelectorAll<HTMLInputElement>('input[type=password]')) {
    const box = field.parentElement?.querySelector<HTMLElement>('.strength')
    if (facts.show) addToggle(field, facts)
    if (box) addMeter(field, box)
  }
}
