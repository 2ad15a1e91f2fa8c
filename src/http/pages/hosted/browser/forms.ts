// Forms: each is sent once, and a page that the browser restores after "back" is loaded again.
import type { Facts } from './facts.ts'

/** Sends each form once, reloads pages from the back/forward cache, cleans pasted codes, and warns if cookies are blocked. */
export function guardForms({ cookies, needsCookies }: Facts): void {
  document.addEventListener('submit', (event) => {
    const form = event.target as HTMLFormElement
    if (form.dataset.sent) return event.preventDefault()
    form.dataset.sent = 'yes'
    for (const button of form.querySelectorAll('button')) button.setAttribute('aria-disabled', 'true')
  })
  window.addEventListener('pageshow', ({ persisted }) => {
    if (persisted) location.reload()
  })
  for (const field of document.querySelectorAll<HTMLInputElement>('input.code'))
    field.addEventListener('paste', (event) => {
      const digits = event.clipboardData?.getData('text').replace(/\D/g, '') ?? ''
      if (digits.length !== 6) return
      event.preventDefault()
      field.value = digits
    })
  const heading = document.querySelector('h1')
  if (cookies && needsCookies && !navigator.cookieEnabled && heading) {
    const notice = document.createElement('p')
    notice.className = 'notice warn'
    notice.setAttribute('role', 'alert')
    notice.textContent = needsCookies
    heading.after(notice)
  }
}
