// The answer to a request for a mailed code.
import { type TProperties, Type } from '@sinclair/typebox'
import { closed, HandedToken } from './primitives.ts'
import { json } from './responses.ts'

/**
 * The answer to a request for a mailed code.
 * @param message the sentence of the answer
 * @param more properties between the sentence and the code
 */
export const codeRequested = <T extends TProperties>(message: string, more: T) =>
  json(
    'Accepted.',
    Type.Object(
      {
        message: Type.String({ examples: [message] }),
        ...more,
        code: Type.Optional(HandedToken),
      },
      closed,
    ),
  )

export const codeMailed = 'A code is on its way to the address of the account.'
