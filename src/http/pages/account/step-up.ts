// The steps of a step-up on the account's pages: the proof, then the action that waits for it.
import { requestStepUpCode, type StepUpProof, stepUp } from '../../../domain/credentials/reauthentication.ts'
import { AuthError } from '../../../domain/errors.ts'
import { signedIn } from '../../plugins/authenticate.ts'
import type { Api } from '../../typebox.ts'
import { proofIn } from '../hosted/factor-forms.ts'
import { isTriable, type Typed, typedIn } from '../hosted/typed.ts'
import { principalOf } from '../hosted/visitor.ts'
import type { Page } from '../layout.ts'
import { type AccountParts, type Action, addAction, resumeAction } from './action.ts'
import { profileSection } from './profile-page.ts'
import { type PendingAction, stepUpMethods, stepUpPage, stepUpPath } from './step-up-page.ts'
import { type AccountVisit, type Note, Refused } from './visit.ts'

/** The pending action that a form carries; null: it is none of ours. */
function pendingIn(
  { actions }: AccountParts,
  typed: Typed,
): { readonly pending: PendingAction; readonly action: Action<unknown> } | null {
  const action = actions.get(typed('act'))
  if (!action) return null
  try {
    const sent = typedIn(JSON.parse(typed('fields')))
    const fields = Object.fromEntries((action.fields ?? []).map((name) => [name, sent(name)]))
    const named = typed('factors').split(' ')
    const factors = stepUpMethods.filter((method) => named.includes(method))
    return { pending: { actionPath: action.path, fields, factors, options: typed('options') }, action }
  } catch {
    return null
  }
}

function stepUpProofIn(typed: Typed): StepUpProof | null {
  const method = typed('method')
  if (method !== 'password') return proofIn(typed)
  const password = typed('password')
  return isTriable(password) ? { method, password } : null
}

const notOurs = ({ texts }: AccountVisit): Refused => new Refused({ bad: texts.hosted.failed })

/** The page again, with what was wrong. */
function showAgain(parts: AccountParts, visit: AccountVisit, typed: Typed, note: Note): Page | Promise<Page> {
  const found = pendingIn(parts, typed)
  if (!found) return profileSection.show(visit, note)
  const method = stepUpMethods.find((known) => known === typed('method'))
  const sentence = method && note.wrong?.[method]
  return stepUpPage(visit, found.pending, {
    ...(method && sentence ? { wrong: { method, sentence } } : {}),
    ...(note.bad ? { bad: note.bad } : {}),
    isMailed: method === 'email_code',
    status: note.status ?? 422,
  })
}

/** A sentence about a proof that is refused. @param isTried false: it is no proof, so nothing was tried */
function wrongSentence({ texts }: AccountVisit, method: string, isTried: boolean): string {
  const { hosted, account } = texts
  if (method === 'passkey') return hosted.passkeyFailed
  if (method === 'password') return isTried ? account.wrongPassword : hosted.noPassword
  return isTried ? hosted.wrongCode : hosted.badCode
}

const wrongProofs: ReadonlySet<string> = new Set([
  'wrong_password',
  'wrong_factor_code',
  'invalid_verification_code',
  'passkey_refused',
])

/** Registers the steps. */
export function stepUpSteps(api: Api, parts: AccountParts): void {
  addAction(api, parts, {
    path: stepUpPath,
    limit: 'credential',
    section: profileSection,
    read(visit, typed) {
      const found = pendingIn(parts, typed)
      if (!found) return notOurs(visit)
      const proof = stepUpProofIn(typed)
      const method = typed('method')
      if (!proof) return new Refused({ wrong: { [method]: wrongSentence(visit, method, false) } })
      return { ...found, proof }
    },
    async run(visit, { pending, action, proof }) {
      const { request, reply, texts } = visit
      try {
        const grant = await stepUp(visit.ctx, proof)
        parts.printSession(request, reply, grant, 'cookie')
        request.principal = principalOf(grant)
      } catch (error) {
        if (!(error instanceof AuthError)) throw error
        if (error.code === 'too_many_attempts') {
          parts.lockedOut()
          return stepUpPage(visit, pending, { bad: texts.tooManyAttempts, status: 429 })
        }
        if (!wrongProofs.has(error.code)) throw error
        const { method } = proof
        const wrong = { method, sentence: wrongSentence(visit, method, true) }
        return stepUpPage(visit, pending, { wrong, isMailed: method === 'email_code', status: 422 })
      }
      return resumeAction({ ...visit, ctx: signedIn(request) }, action, typedIn(pending.fields))
    },
    again: (visit, typed, note) => showAgain(parts, visit, typed, note),
  })
  addAction(api, parts, {
    path: `${stepUpPath}/email-code`,
    limit: 'mail',
    section: profileSection,
    read: (visit, typed) => pendingIn(parts, typed) ?? notOurs(visit),
    async run(visit, { pending }) {
      await requestStepUpCode(visit.ctx)
      return stepUpPage(visit, pending, { isMailed: true })
    },
  })
}
