// A step: a form of one of the pages to sign in with that is posted. Without script, each answer is a whole page.
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { LimitClass } from '../../../domain/projects/policy.ts'
import type { Api } from '../../typebox.ts'
import type { Page } from '../layout.ts'
import { type PageParams, readParams } from './params.ts'
import type { HostedParts } from './parts.ts'
import { refusedParams } from './refusals.ts'
import { type Typed, typedIn } from './typed.ts'
import { type HostedVisit, hrefOf, type Outcome, sendOutcome, textsOfVisit } from './visit.ts'

export interface Step<Given> {
  /** Below the page, such as /sign-in/second-factor. */
  readonly path: string
  /** As the route of the API that runs the same verb. */
  readonly limit: LimitClass
  /** Reads the form; a page for input that cannot be tried, which costs no attempt. */
  read(visit: HostedVisit, typed: Typed): Given | Page
  run(visit: HostedVisit, given: Given): Promise<Outcome>
}

const isPage = (value: unknown): value is Page =>
  typeof value === 'object' && value !== null && 'body' in value

const noParams: PageParams = {
  redirectTo: null,
  state: null,
  challenge: null,
  loginHint: '',
  section: null,
  promptsLogin: false,
  query: '',
}

/** Builds the visit of a request, or the page of a query that is refused. @param query default: that of the request */
export function visitOf(
  parts: HostedParts,
  request: FastifyRequest,
  reply: FastifyReply,
  query: unknown = request.query,
): { readonly visit: HostedVisit; readonly refused: Page | null } {
  const texts = textsOfVisit(request, query)
  const read = readParams(request.project, new URL(parts.publicUrl).origin, query)
  const visit = { request, reply, ctx: request.context, texts, parts }
  if ('fault' in read) return { visit: { ...visit, params: noParams }, refused: refusedParams(texts, read) }
  return { visit: { ...visit, params: read }, refused: null }
}

/** Registers a page that GET shows. */
export function showPage(
  api: Api,
  parts: HostedParts,
  path: string,
  show: (visit: HostedVisit) => Outcome | Promise<Outcome>,
): void {
  const config = { access: 'public', limit: 'read' } as const
  api.get(path, { schema: { hide: true }, config }, async (request, reply) => {
    const { visit, refused } = visitOf(parts, request, reply)
    return sendOutcome(visit, refused ?? (await show(visit)), path)
  })
}

/**
 * Registers the POST of a form, which is read before the request is counted by the rate limit.
 * @param form `read` returns null if it sent the reply
 */
export function addForm<Form extends object>(
  api: Api,
  path: string,
  config: { readonly access: 'public' | 'user'; readonly limit: LimitClass },
  form: {
    read(request: FastifyRequest, reply: FastifyReply): Promise<Form | null>
    run(form: Form): Promise<FastifyReply>
  },
): void {
  const forms = new WeakMap<FastifyRequest, Form>()
  async function preValidation(request: FastifyRequest, reply: FastifyReply) {
    const read = await form.read(request, reply)
    if (!read) return reply
    forms.set(request, read)
    return undefined
  }
  api.post(path, { schema: { hide: true }, config, preValidation }, async (request, reply) => {
    const read = forms.get(request)
    return read ? form.run(read) : reply
  })
}

/** Registers the POST of a step. A GET of its address, such as after "back", leads to its page. */
export function addStep<Given>(api: Api, parts: HostedParts, step: Step<Given>): void {
  const { path, limit } = step
  const page = `/${path.split('/')[1]}`
  addForm(
    api,
    path,
    { access: 'public', limit },
    {
      async read(request, reply) {
        const { visit, refused } = visitOf(parts, request, reply)
        const given = refused ?? step.read(visit, typedIn(request.body))
        if (!isPage(given)) return { visit, given }
        sendOutcome(visit, given, page)
        return null
      },
      run: async ({ visit, given }) => sendOutcome(visit, await step.run(visit, given), page),
    },
  )
  if (path !== page) showPage(api, parts, path, (visit) => ({ location: hrefOf(visit, page) }))
}
