// The answer of a product's contract to a refusal: the product's status and sentence for the code, else for the canonical status.
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { PasswordFault } from '../../domain/errors.ts'
import { statusOf } from '../problems.ts'
import type { Answer, Refusal, RefusalCode } from '../refusal.ts'

/** A sentence, or one that depends on the request. */
type Sentence = string | ((request: FastifyRequest) => string)
type Problem = readonly [status: number, sentence: Sentence]

/** The problems of a product. */
export interface ProblemMap {
  /** By code; replaces the problems that all products share. */
  readonly byCode: Partial<Record<RefusalCode, Problem>>
  /** For every other code, by its canonical status; a status that is not listed is answered as 400 or 500. */
  readonly byStatus: Readonly<Record<number, string> & Record<400 | 500, string>>
}

const malformed: Problem = [400, 'Malformed request']

/** The problems that all products share. */
const base: Partial<Record<RefusalCode, Problem>> = {
  malformed_request: malformed,
  broken_text: malformed,
  password_refused: malformed,
  validation_failed: malformed,
  body_too_large: [413, 'Request body too large'],
  unsupported_media_type: [415, 'Content type must be application/json'],
}

/** The sentences of all products for a password that the project's policy refuses. */
const passwordSentences: Readonly<Record<PasswordFault['reason'], (minLength: number) => string>> = {
  too_short: (minLength) => `Password must be at least ${minLength} characters`,
  common: () => 'Password is too common',
  contextual: () => 'Password must not be the email address or a name',
  breached: () => 'Password is known from a data breach',
}

/** The sentences for fields; none for text that cannot be stored, which gets the sentence of its code. */
function fieldSentencesOf({ code, errors, password }: Refusal): string[] {
  if (password) return [passwordSentences[password.reason](password.minLength)]
  return code === 'broken_text' ? [] : Object.values(errors ?? {}).flat()
}

/** The status and the sentence of a refusal. */
export function problemOf({ byCode, byStatus }: ProblemMap, code: RefusalCode): Problem {
  const known = byCode[code] ?? base[code]
  if (known) return known
  const canonical = statusOf(code)
  const status = byStatus[canonical] === undefined ? (canonical < 500 ? 400 : 500) : canonical
  return [status, byStatus[status] ?? '']
}

/** A refusal in the words of a product. */
interface ProductRefusal {
  readonly code: RefusalCode
  readonly status: number
  readonly sentence: string
  /** The sentences for fields, in the order of the product's rules. */
  readonly fieldSentences: readonly string[]
  readonly retryAfterSeconds: number
}

/**
 * Builds the answer of a product.
 * @param body makes the body of a refusal, and may set headers
 */
export function productAnswer(
  map: ProblemMap,
  body: (request: FastifyRequest, reply: FastifyReply, refused: ProductRefusal) => object,
): Answer {
  return (request, reply, refusal: Refusal) => {
    const { code, retryAfterSeconds = 1 } = refusal
    const [status, sentence] = problemOf(map, code)
    if (status === 429 || status === 503) reply.header('retry-after', retryAfterSeconds)
    const refused = {
      code,
      status,
      sentence: typeof sentence === 'string' ? sentence : sentence(request),
      fieldSentences: fieldSentencesOf(refusal),
      retryAfterSeconds,
    }
    return reply
      .code(status)
      .type('application/json; charset=utf-8')
      .send(body(request, reply, refused))
  }
}
