// Fields that several of the pages to sign in with share.
import { html } from 'ghtml'
import { effectivePasswordPolicy } from '../../../domain/projects/policy.ts'
import { fill, passwordLength } from '../../../formats.ts'
import { field } from '../controls.ts'
import type { HostedVisit } from './visit.ts'

/** What was typed into a form, and what the page says about it. */
export interface FormNote {
  readonly email?: string
  readonly wrongEmail?: string | null
  readonly wrongPassword?: string | null
  readonly status?: number
}

/** The field of an address. @param autocomplete the attribute's value */
export const emailField = (
  { texts, params }: HostedVisit,
  { email, wrongEmail = null, wrongPassword }: FormNote,
  autocomplete = 'username',
): string =>
  field({
    name: 'email',
    label: texts.hosted.email,
    type: 'email',
    value: email ?? params.loginHint,
    wrong: wrongEmail,
    attributesHtml: html`autocomplete="${autocomplete}" maxlength="255" autocapitalize="none" spellcheck="false" required !${wrongPassword ? '' : 'autofocus'}`,
  })

/** The field of a new password: the script below it shows how strong it is. */
export function newPasswordField(
  { texts, ctx }: HostedVisit,
  wrong: string | null,
  { name = 'password', label = texts.password }: { name?: string; label?: string } = {},
): string {
  const { hosted } = texts
  const min = effectivePasswordPolicy(ctx.project.policy).min_length
  const { tooShort, weak, fair, good, strong } = hosted
  const words = [tooShort, weak, fair, good, strong].join('|')
  return field({
    name,
    label,
    type: 'password',
    wrong,
    hint: fill(hosted.passwordHint, { min: String(min) }),
    attributesHtml: `autocomplete="new-password" minlength="${min}" maxlength="${passwordLength.max}" required`,
    belowHtml: html`<div class="strength" hidden data-min="${String(min)}" data-words="${words}"><div class="meter" aria-hidden="true"><i></i><i></i><i></i><i></i></div><p class="hint" role="status"></p></div>`,
  })
}
