// A step: a form of one of the pages that is posted. Without script, each answer is a whole page.
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { LimitClass } from '../../../domain/projects/policy.ts'
import { isMailbox } from '../../../formats.ts'
import type { Api } from '../../typebox.ts'
import type { Page } from '../layout.ts'
import type { HostedParts } from './parts.ts'
import { refusedWish } from './refusals.ts'
import { type HostedVisit, type Outcome, sendOutcome, textsOfVisit } from './visit.ts'
import { readWishes } from './wishes.ts'

/** The fields of a form as they were typed; one that is absent is empty. */
export type Typed = (name: string) => string

export interface Step<Given> {
  /** Below the page, such as /sign-in/second-factor. */
  readonly path: string
  /** As the route of the API that runs the same verb. */
  readonly limit: LimitClass
  /** Reads the form; a page for what cannot be tried, which costs no attempt. */
  read(visit: HostedVisit, typed: Typed): Given | Page
  act(visit: HostedVisit, given: Given): Promise<Outcome>
}

const isPage = (value: unknown): value is Page =>
  typeof value === 'object' && value !== null && 'body' in value

/** The page that a step belongs to, such as /sign-in. */
export const pageOf = (path: string): string => `/${path.split('/')[1]}`

const typedIn = (body: unknown): Typed => {
  const fields = Object(body) as Readonly<Record<string, unknown>>
  return (name) => (Object.hasOwn(fields, name) && typeof fields[name] === 'string' ? fields[name] : '')
}

/** Builds the visit of a request, or the page of a query that is refused. @param query default: that of the request */
export function visitOf(
  parts: HostedParts,
  request: FastifyRequest,
  reply: FastifyReply,
  query: unknown = request.query,
): { readonly visit: HostedVisit; readonly refused: Page | null } {
  const texts = textsOfVisit(request, query)
  const read = readWishes(request.project, new URL(parts.publicUrl).origin, query)
  const isRefused = 'fault' in read
  const none = {
    ...{ redirectTo: null, state: null, challenge: null, loginHint: '', section: null },
    ...{ asksAgain: false, query: '' },
  }
  const wishes = isRefused ? none : read
  const visit = { request, reply, ctx: request.context, texts, wishes, parts }
  return { visit, refused: isRefused ? refusedWish(texts, read) : null }
}

/** Registers a page that GET shows. */
export function showPage(
  api: Api,
  parts: HostedParts,
  path: string,
  show: (visit: HostedVisit) => Page | Promise<Outcome>,
): void {
  api.get(
    path,
    { schema: { hide: true }, config: { access: 'public', limit: 'read' } },
    async (request, reply) => {
      const { visit, refused } = visitOf(parts, request, reply)
      return sendOutcome(visit, refused ?? (await show(visit)), path)
    },
  )
}

/** Registers the POST of a step. A GET of its address, such as after "back", leads to its page. */
export function addStep<Given>(api: Api, parts: HostedParts, step: Step<Given>): void {
  const { path, limit } = step
  const page = pageOf(path)
  const ready = new WeakMap<FastifyRequest, { readonly visit: HostedVisit; readonly given: Given }>()
  api.post(
    path,
    {
      schema: { hide: true },
      config: { access: 'public', limit },
      // Before the request is counted.
      async preValidation(request, reply) {
        const { visit, refused } = visitOf(parts, request, reply)
        const given = refused ?? step.read(visit, typedIn(request.body))
        if (isPage(given)) return sendOutcome(visit, given, page)
        ready.set(request, { visit, given })
        return undefined
      },
    },
    async (request, reply) => {
      const found = ready.get(request)
      if (!found) return reply
      return sendOutcome(found.visit, await step.act(found.visit, found.given), page)
    },
  )
  if (path === page) return
  api.get(
    path,
    { schema: { hide: true }, config: { access: 'public', limit: 'read' } },
    async (request, reply) => {
      const { visit, refused } = visitOf(parts, request, reply)
      const location = `${parts.basePath}${page}${visit.wishes.query ? `?${visit.wishes.query}` : ''}`
      return sendOutcome(visit, refused ?? { location }, page)
    },
  )
}

/** Whether a text may be tried as an address. */
export const isAddress = (text: string): boolean => isMailbox(text)

/** Whether a text may be tried as a password that was chosen before. */
export const isTriable = (text: string): boolean =>
  text !== '' && text.length <= 1024 && !text.includes('\0') && text.isWellFormed()
