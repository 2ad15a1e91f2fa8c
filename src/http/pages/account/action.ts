// An action: a form of the account's pages that is posted. It runs a verb of the domain. Where the verb demands a step-up, the
// person is asked for it first, and the action goes on with what was typed.
import { AuthError, type AuthErrorCode, type AuthErrorDetails } from '../../../domain/errors.ts'
import type { LimitClass } from '../../../domain/projects/policy.ts'
import { isUuid } from '../../../formats.ts'
import type { Api } from '../../typebox.ts'
import type { HostedParts } from '../hosted/parts.ts'
import { addForm } from '../hosted/step.ts'
import { type Typed, typedIn } from '../hosted/typed.ts'
import { hrefOf } from '../hosted/visit.ts'
import type { Page } from '../layout.ts'
import type { Texts } from '../texts.ts'
import { stepUpPage } from './step-up-page.ts'
import {
  type AccountOutcome,
  type AccountVisit,
  back,
  type Note,
  openVisit,
  Refused,
  sendAccount,
  signInAgain,
} from './visit.ts'

/** A page of the account: GET shows it, and a form that is refused shows it again. */
export interface Section {
  readonly path: string
  show(visit: AccountVisit, note: Note): Page | Promise<Page>
}

/** What the page says about a refusal, by its code. A code without a note has a page of its own. */
export type Explained = Partial<Record<AuthErrorCode, Note>>

export interface Action<Given> {
  /** Below the section, such as /account/security/password. */
  readonly path: string
  /** As the route of the API that runs the same verb. */
  readonly limit: LimitClass
  readonly section: Section
  /** Names of fields without secrets: they are shown again, and are kept during a step-up. */
  readonly fields?: readonly string[]
  /** Whether the form holds a secret, so that the person fills it in again after a step-up. */
  readonly isTypedAgain?: boolean
  /** Reads the form; a note for input that cannot be tried, which costs no attempt. Absent: the form is a button alone. */
  read?(visit: AccountVisit, typed: Typed, body: unknown): Given | Refused
  run(visit: AccountVisit, given: Given): Promise<AccountOutcome>
  explain?(texts: Texts, details: AuthErrorDetails): Explained
  /** The page of a form that is refused. Default: the section. */
  again?(visit: AccountVisit, typed: Typed, note: Note): Page | Promise<Page>
}

/** The parts of the server that the pages need, and the actions by their paths. */
export interface AccountParts extends HostedParts {
  readonly actions: Map<string, Action<unknown>>
}

/** The field `id` of a form, in lower case; a note where it is no UUID. */
export const readId = ({ texts }: AccountVisit, typed: Typed): { readonly id: string } | Refused =>
  isUuid(typed('id'))
    ? { id: typed('id').toLowerCase() }
    : new Refused({ bad: texts.account.changedMeanwhile })

const keptFields = ({ fields = [] }: Action<unknown>, typed: Typed) =>
  Object.fromEntries(fields.map((name) => [name, typed(name)]))

function showAgain(
  visit: AccountVisit,
  action: Action<unknown>,
  typed: Typed,
  note: Note,
): Page | Promise<Page> {
  const full = { status: 422, typed: keptFields(action, typed), ...note }
  return action.again ? action.again(visit, typed, full) : action.section.show(visit, full)
}

/** Runs an action to its end, or to the page of the step-up that it needs. */
async function runAction(
  visit: AccountVisit,
  action: Action<unknown>,
  typed: Typed,
  given: unknown,
): Promise<AccountOutcome> {
  try {
    return await action.run(visit, given)
  } catch (error) {
    if (!(error instanceof AuthError)) throw error
    const { code, details } = error
    if (code === 'unauthenticated') return signInAgain(visit)
    if (code === 'step_up_required') {
      const { factors = [], passkeyOptions } = details
      const options = passkeyOptions ? JSON.stringify(passkeyOptions) : ''
      const fields = keptFields(action, typed)
      return stepUpPage(visit, { actionPath: action.path, fields, factors, options })
    }
    if (code === 'too_many_attempts') {
      visit.parts.lockedOut()
      return showAgain(visit, action, typed, { bad: visit.texts.tooManyAttempts, status: 429 })
    }
    const note = action.explain?.(visit.texts, details)[code]
    if (!note) throw error
    return showAgain(visit, action, typed, note)
  }
}

/** Goes on with an action after its step-up. */
export async function resumeAction(
  visit: AccountVisit,
  action: Action<unknown>,
  typed: Typed,
): Promise<AccountOutcome> {
  if (action.isTypedAgain) return back(visit, action.section.path, 'confirmed')
  const given = action.read?.(visit, typed, {})
  if (given instanceof Refused) return showAgain(visit, action, typed, given.note)
  return runAction(visit, action, typed, given)
}

function addGet(
  api: Api,
  parts: AccountParts,
  path: string,
  show: (visit: AccountVisit) => AccountOutcome | Promise<AccountOutcome>,
): void {
  const config = { access: 'user', limit: 'read' } as const
  api.get(path, { schema: { hide: true }, config }, async (request, reply) => {
    const visit = await openVisit(parts, request, reply)
    return visit ? sendAccount(visit, await show(visit), path) : reply
  })
}

/** Registers a page that GET shows. */
export function addSection(api: Api, parts: AccountParts, section: Section): void {
  addGet(api, parts, section.path, (visit) => section.show(visit, {}))
}

/** Registers the POST of an action. A GET of its address, such as after "back", leads to its section. */
export function addAction<Given>(api: Api, parts: AccountParts, registered: Action<Given>): void {
  const action = registered as Action<unknown>
  const { path, limit, section } = action
  parts.actions.set(path, action)
  addForm(
    api,
    path,
    { access: 'user', limit },
    {
      async read(request, reply) {
        const visit = await openVisit(parts, request, reply)
        if (!visit) return null
        const typed = typedIn(request.body)
        const given = action.read?.(visit, typed, request.body)
        if (!(given instanceof Refused)) return { visit, typed, given }
        sendAccount(visit, await showAgain(visit, action, typed, given.note), section.path)
        return null
      },
      run: async ({ visit, typed, given }) =>
        sendAccount(visit, await runAction(visit, action, typed, given), section.path),
    },
  )
  if (path !== section.path) addGet(api, parts, path, (visit) => ({ location: hrefOf(visit, section.path) }))
}
