// The steps of a step-up on the account's pages: the proof, then the act that waits for it.
import { requestStepUpCode, type StepUpProof, stepUp } from '../../../domain/credentials/reauthentication.ts'
import { AuthError } from '../../../domain/errors.ts'
import { signedIn } from '../../plugins/authenticate.ts'
import type { Api } from '../../typebox.ts'
import { proofOf } from '../hosted/second-factor.ts'
import { isTriable } from '../hosted/step.ts'
import { type AccountParts, type Act, addAct, goOn, type Typed, typedIn } from './act.ts'
import { profileSection } from './profile-page.ts'
import { type Due, stepUpMethods, stepUpPage, stepUpPath } from './step-up-page.ts'
import { type AccountVisit, type Note, Refused } from './visit.ts'

/** What a form carries of the act that waits; null: it is none of ours. */
function readDue({ acts }: AccountParts, typed: Typed): { due: Due; act: Act<unknown> } | null {
  const act = acts.get(typed('act'))
  if (!act) return null
  try {
    const sent: unknown = JSON.parse(typed('fields'))
    const read = typedIn(sent)
    const fields = Object.fromEntries((act.fields ?? []).map((name) => [name, read(name)]))
    const named = typed('factors').split(' ')
    const factors = stepUpMethods.filter((method) => named.includes(method))
    return { due: { act: act.path, fields, factors, options: typed('options') }, act }
  } catch {
    return null
  }
}

function proofIn(typed: Typed): StepUpProof | null {
  const method = typed('method')
  if (method !== 'password') return proofOf(typed)
  const password = typed('password')
  return isTriable(password) ? { method, password } : null
}

const over = ({ texts }: AccountVisit): Refused => new Refused({ bad: texts.hosted.failed })

/** The page again, with what was wrong. */
function again(parts: AccountParts, visit: AccountVisit, typed: Typed, note: Note) {
  const found = readDue(parts, typed)
  const method = stepUpMethods.find((known) => known === typed('method'))
  if (!found) return profileSection.show(visit, note)
  const sentence = method && note.wrong?.[method]
  return stepUpPage(visit, found.due, {
    ...(method && sentence ? { wrong: { method, sentence } } : {}),
    ...(note.bad ? { bad: note.bad } : {}),
    isMailed: method === 'email_code',
    status: note.status ?? 422,
  })
}

/** What the page says about a proof that is none, or is refused. */
function sentenceOf({ texts: { hosted, account } }: AccountVisit, method: string, isTried: boolean): string {
  if (method === 'passkey') return hosted.passkeyFailed
  if (method === 'password') return isTried ? account.wrongPassword : hosted.noPassword
  return isTried ? hosted.wrongCode : hosted.badCode
}

/** Registers the steps. */
export function stepUpSteps(api: Api, parts: AccountParts): void {
  addAct(api, parts, {
    path: stepUpPath,
    limit: 'credential',
    section: profileSection,
    read(visit, typed) {
      const found = readDue(parts, typed)
      if (!found) return over(visit)
      const proof = proofIn(typed)
      const method = typed('method')
      if (!proof) return new Refused({ wrong: { [method]: sentenceOf(visit, method, false) } })
      return { ...found, proof }
    },
    async act(visit, { due, act, proof }) {
      const { request, reply, texts } = visit
      try {
        const grant = await stepUp(visit.ctx, proof)
        parts.printSession(request, reply, grant, 'cookie')
        const { user, client, sessionId, generation } = grant
        request.principal = { user, client, sessionId, generation, impersonator: null }
      } catch (error) {
        if (!(error instanceof AuthError)) throw error
        if (error.code === 'too_many_attempts') {
          parts.lockedOut()
          return stepUpPage(visit, due, { bad: texts.tooManyAttempts, status: 429 })
        }
        if (!wrongProofs.has(error.code)) throw error
        const { method } = proof
        const sentence = sentenceOf(visit, method, true)
        const isMailed = method === 'email_code'
        return stepUpPage(visit, due, { wrong: { method, sentence }, isMailed, status: 422 })
      }
      return goOn({ ...visit, ctx: signedIn(request) }, act, typedIn(due.fields))
    },
    again: (visit, typed, note) => again(parts, visit, typed, note),
  })
  addAct(api, parts, {
    path: `${stepUpPath}/email-code`,
    limit: 'mail',
    section: profileSection,
    read: (visit, typed) => readDue(parts, typed) ?? over(visit),
    async act(visit, { due }) {
      await requestStepUpCode(visit.ctx)
      return stepUpPage(visit, due, { isMailed: true })
    },
  })
}

const wrongProofs: ReadonlySet<string> = new Set([
  'wrong_password',
  'wrong_factor_code',
  'invalid_verification_code',
  'passkey_refused',
])
