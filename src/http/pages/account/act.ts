// An act: a form of the account's pages that is posted. It runs a verb of the domain; where that demands a step-up, the person is
// asked for it on the way, and the act goes on with what was typed.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AuthError } from '../../../domain/errors.ts'
import type { LimitClass } from '../../../domain/projects/policy.ts'
import type { Api } from '../../typebox.ts'
import type { HostedParts } from '../hosted/parts.ts'
import { hrefOf } from '../hosted/visit.ts'
import type { Page } from '../layout.ts'
import { stepUpPage } from './step-up-page.ts'
import {
  type AccountVisit,
  back,
  type Ending,
  type Note,
  openVisit,
  Refused,
  sendAccount,
  signInAgain,
} from './visit.ts'

/** The fields of a form as they were typed; one that is absent is empty. */
export type Typed = (name: string) => string

/** A page of the account: GET shows it, and a form that is refused shows it again. */
export interface Section {
  readonly path: string
  show(visit: AccountVisit, note: Note): Page | Promise<Page>
}

export interface Act<Given> {
  /** Below the section, such as /account/security/password. */
  readonly path: string
  /** As the route of the API that runs the same verb. */
  readonly limit: LimitClass
  readonly section: Section
  /** Fields without secrets: they are shown again, and wait for a step-up. */
  readonly fields?: readonly string[]
  /** Whether something that was typed is secret, so that the form is filled in again after a step-up. */
  readonly isTypedAgain?: boolean
  /** Reads the form; a note for what cannot be tried, which costs no attempt. */
  read(visit: AccountVisit, typed: Typed, body: unknown): Given | Refused
  act(visit: AccountVisit, given: Given): Promise<Ending>
  /** What the page says about a refusal; null: it has a page of its own. */
  explain?(visit: AccountVisit, error: AuthError): Note | null
  /** The page of a form that is refused, where it is not the section's own. */
  again?(visit: AccountVisit, typed: Typed, note: Note): Page | Promise<Page>
}

/** The acts by their paths, and what they need of the server. */
export interface AccountParts extends HostedParts {
  readonly acts: Map<string, Act<unknown>>
}

export const typedIn = (body: unknown): Typed => {
  const fields = Object(body) as Readonly<Record<string, unknown>>
  return (name) => (Object.hasOwn(fields, name) && typeof fields[name] === 'string' ? fields[name] : '')
}

const kept = ({ fields = [] }: Act<unknown>, typed: Typed) =>
  Object.fromEntries(fields.map((name) => [name, typed(name)]))

function showAgain(visit: AccountVisit, act: Act<unknown>, typed: Typed, note: Note): Page | Promise<Page> {
  const full = { status: 422, typed: kept(act, typed), ...note }
  return act.again ? act.again(visit, typed, full) : act.section.show(visit, full)
}

/** Runs an act with what was read, to its end or to the step-up that it waits for. */
async function run(visit: AccountVisit, act: Act<unknown>, typed: Typed, given: unknown): Promise<Ending> {
  try {
    return await act.act(visit, given)
  } catch (error) {
    if (!(error instanceof AuthError)) throw error
    if (error.code === 'unauthenticated') return signInAgain(visit)
    if (error.code === 'step_up_required') {
      const { factors = [], passkeyOptions } = error.details
      const options = passkeyOptions ? JSON.stringify(passkeyOptions) : ''
      return stepUpPage(visit, { act: act.path, fields: kept(act, typed), factors, options }, {})
    }
    if (error.code === 'too_many_attempts') {
      visit.parts.lockedOut()
      return showAgain(visit, act, typed, { bad: visit.texts.tooManyAttempts, status: 429 })
    }
    const note = act.explain?.(visit, error)
    if (!note) throw error
    return showAgain(visit, act, typed, note)
  }
}

/** Goes on with an act after the step-up that it waited for. */
export async function goOn(visit: AccountVisit, act: Act<unknown>, typed: Typed): Promise<Ending> {
  if (act.isTypedAgain) return back(visit, act.section.path, 'confirmed')
  const given = act.read(visit, typed, {})
  return given instanceof Refused ? showAgain(visit, act, typed, given.note) : run(visit, act, typed, given)
}

/** Registers a page that GET shows. */
export function addSection(api: Api, parts: AccountParts, section: Section): void {
  const { path } = section
  const config = { access: 'user', limit: 'read' } as const
  api.get(path, { schema: { hide: true }, config }, async (request, reply) => {
    const opened = await openVisit(parts, request, reply)
    if (!('visit' in opened)) return sendAccount(opened.hosted, opened.outcome, path)
    return sendAccount(opened.visit, await section.show(opened.visit, {}), path)
  })
}

interface Ready {
  readonly visit: AccountVisit
  readonly typed: Typed
  readonly given: unknown
}

/** Registers the POST of an act. A GET of its address, such as after "back", leads to its section. */
export function addAct<Given>(api: Api, parts: AccountParts, registered: Act<Given>): void {
  const act = registered as Act<unknown>
  const { path, limit, section } = act
  parts.acts.set(path, act)
  const ready = new WeakMap<FastifyRequest, Ready>()
  /** Before the request is counted. */
  async function preValidation(request: FastifyRequest, reply: FastifyReply) {
    const opened = await openVisit(parts, request, reply)
    if (!('visit' in opened)) return sendAccount(opened.hosted, opened.outcome, section.path)
    const { visit } = opened
    const typed = typedIn(request.body)
    const given = act.read(visit, typed, request.body)
    if (given instanceof Refused)
      return sendAccount(visit, await showAgain(visit, act, typed, given.note), section.path)
    ready.set(request, { visit, typed, given })
    return undefined
  }
  const config = { access: 'user', limit } as const
  api.post(path, { schema: { hide: true }, config, preValidation }, async (request, reply) => {
    const found = ready.get(request)
    if (!found) return reply
    return sendAccount(found.visit, await run(found.visit, act, found.typed, found.given), section.path)
  })
  if (path === section.path) return
  api.get(
    path,
    { schema: { hide: true }, config: { access: 'user', limit: 'read' } },
    async (request, reply) => {
      const opened = await openVisit(parts, request, reply)
      if (!('visit' in opened)) return sendAccount(opened.hosted, opened.outcome, section.path)
      return sendAccount(opened.visit, { location: hrefOf(opened.visit, section.path) }, section.path)
    },
  )
}
