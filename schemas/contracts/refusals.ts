// The error responses of a product's contract, with an example for each of its sentences.
import type { TSchema } from '@sinclair/typebox'
import { Shared } from '../primitives.ts'

/** A sentence, or the list of sentences of one answer. */
type Message = string | readonly string[]

/** The messages of each status. */
export type Messages = Readonly<Record<number, readonly Message[]>>

interface RefusalForm {
  /** The messages that every route can return; they follow the route's own. */
  readonly common: Messages
  /** The schema of the product's errors. */
  readonly error: TSchema
  readonly headers?: object
  /** Builds the body of an example. */
  readonly body: (status: number, message: Message) => object
}

/** The reason phrases of the statuses that contracts return (RFC 9110 §15). */
export const reasonPhrases: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Payload Too Large',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

interface RefusalResponse {
  readonly description: string
  readonly content: { readonly 'application/json': { readonly schema: TSchema } }
}

/** The error responses of a route, by status. */
export function refusalResponses(messages: Messages, form: RefusalForm): Record<number, RefusalResponse> {
  const { common, error, headers, body } = form
  const statuses = [...new Set([...Object.keys(common), ...Object.keys(messages)])].map(Number)
  const responseOf = (status: number) => {
    const all = [...(messages[status] ?? []), ...(common[status] ?? [])]
    const examples = all.map((message, place) => [`case${place + 1}`, { value: body(status, message) }])
    return {
      description: all.map((message) => `\`${[message].flat().join('`, `')}\``).join(' · '),
      ...(headers && { headers }),
      content: { 'application/json': { schema: Shared(error), examples: Object.fromEntries(examples) } },
    }
  }
  return Object.fromEntries(statuses.map((status) => [status, responseOf(status)]))
}
