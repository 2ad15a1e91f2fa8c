// /operators/setup: the page of a set-up link. The token is the fragment of the URL, so it reaches no proxy and no access log. A
// short script copies it into the form, and the POST uses it up.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { html } from 'ghtml'
import { operatorContext, type Services } from '../../domain/context.ts'
import { AuthError } from '../../domain/errors.ts'
import { completeSetup } from '../../domain/operators/setup.ts'
import { operatorsProjectId } from '../../domain/projects/operators-project.ts'
import { fill, passwordLength } from '../../formats.ts'
import { callerOf } from '../caller.ts'
import { sessionCookies } from '../cookies.ts'
import { isSameSite } from '../plugins/csrf.ts'
import { RequestProblem } from '../refusal.ts'
import type { ServerOptions } from '../server-options.ts'
import type { Api } from '../typebox.ts'
import { sessionPrinter, userView } from '../views.ts'
import { field, hidden } from './controls.ts'
import { pageRoute, sendPage, titled } from './layout.ts'
import { passwordField } from './link-page.ts'
import { newPasswordBounds, refusedNewPassword, wrongNewPassword } from './new-password.ts'
import { type Texts, textsFor } from './texts.ts'

const path = '/operators/setup'

const script = `const { hash } = location
if (hash) document.querySelector('[name=token]').value = decodeURIComponent(hash.slice(1))
history.replaceState(null, '', location.pathname)
`

interface Typed {
  readonly token: string
  readonly email: string
  readonly password: string
}

function readTyped(body: unknown): Typed {
  const given: Record<string, unknown> = Object(body)
  const text = (name: string) => (typeof given[name] === 'string' ? (given[name] as string) : '')
  return { token: text('token'), email: text('email'), password: text('password') }
}

/** @param wrong a sentence about the refused input */
function form(basePath: string, texts: Texts, typed: Typed | null, wrong: string | null) {
  const { setup, reset } = texts
  return titled(
    setup.title,
    html`<p>${fill(setup.lead, { min: String(passwordLength.min) })}</p>
<form method="post" action="${basePath}${path}">
!${hidden('token', typed?.token ?? '')}
!${field({ name: 'email', label: setup.email, type: 'email', value: typed?.email ?? '', hint: setup.emailWhy, attributesHtml: 'autocomplete="username" maxlength="255"' })}
!${passwordField(reset.password, newPasswordBounds, wrong)}<button type="submit">${setup.button}</button>
</form>
<script src="${basePath}${path}.js"></script>`,
    wrong ? 422 : 200,
  )
}

const dead = ({ dead: words }: Texts) => titled(words.title, html`<p>${words.why}</p>`, 422)

/** A sentence about a refusal after which the person can try again; null: the link no longer works. */
function complaint(texts: Texts, error: unknown): string | null {
  if (!(error instanceof AuthError)) throw error
  if (error.code === 'setup_email_required') return texts.setup.badEmail
  if (error.code === 'overloaded') throw error
  return refusedNewPassword(texts, error.details)
}

/** Registers the page. It sets the cookies of the new session, for the console and the pages of this installation. */
export function operatorSetupPage(api: Api, services: Services, options: ServerOptions): void {
  const cookies = sessionCookies(options.cookieSecure)
  const print = sessionPrinter(options.tokens, cookies, userView(options.publicUrl))

  const send = (reply: FastifyReply, page: ReturnType<typeof titled>, texts: Texts) =>
    sendPage(reply, page, { texts, hasScript: true })

  const ownOrigin = new URL(options.publicUrl).origin

  async function submit(request: FastifyRequest, reply: FastifyReply) {
    // It sets cookies: a page of another origin could sign a person in to the attacker's account (login CSRF).
    if (!isSameSite(request, ownOrigin, false)) throw new RequestProblem('cross_site_request')
    const texts = textsFor(request, undefined)
    const typed = readTyped(request.body)
    const untypable = typed.email.includes('\0') ? texts.reset.untypable : null
    const refused = wrongNewPassword(texts, typed.password) ?? untypable
    if (refused) return form(api.basePath, texts, typed, refused)
    request.project = await services.projects.getAny(operatorsProjectId)
    const caller = callerOf(request, 'canonical', { provesProject: () => false })
    const ctx = { ...operatorContext(services, request.project, undefined, caller), operator: null }
    try {
      const grant = await completeSetup(ctx, { ...typed, email: typed.email || null })
      print(request, reply, grant, 'cookie')
    } catch (error) {
      // The account has a second factor: the set-up is complete, and the person signs in with the new password.
      const isDone = error instanceof AuthError && error.code === 'second_factor_required'
      const wrong = isDone ? null : complaint(texts, error)
      if (!isDone) return wrong ? form(api.basePath, texts, typed, wrong) : dead(texts)
    }
    const { doneTitle, done, next } = texts.setup
    return titled(
      doneTitle,
      html`<p>${done}</p>
<a class="button" href="${api.basePath}/console">${next}</a>`,
    )
  }

  api.get(path, pageRoute, async (request, reply) => {
    const texts = textsFor(request, undefined)
    return send(reply, form(api.basePath, texts, null, null), texts)
  })
  api.get(`${path}.js`, pageRoute, async (_request, reply) =>
    reply.type('text/javascript; charset=utf-8').send(script),
  )
  api.post(path, pageRoute, async (request, reply) =>
    send(reply, await submit(request, reply), textsFor(request, undefined)),
  )
}
