// ETags (RFC 9110 §8.8.3) of resources that several operators may edit at once, and the condition of a change (§13.1.1).
import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { RequestProblem } from '../refusal.ts'
import { readHeader } from '../request-headers.ts'

/** @param shown the answer of a route, whose JSON is always the same for the same state */
export const etagOf = (shown: unknown): string =>
  `"${createHash('sha256').update(JSON.stringify(shown)).digest('base64url').slice(0, 22)}"`

/**
 * Reads the condition of a change from If-Match.
 * @returns a predicate: true for the state that the operator has read
 * @throws RequestProblem precondition_required without If-Match
 */
export function ifMatch(request: FastifyRequest): (shown: unknown) => boolean {
  const header = readHeader(request, 'if-match')
  if (header === undefined) throw new RequestProblem('precondition_required')
  const tags = header
    .split(',')
    // A proxy that compresses an answer weakens its ETag.
    .map((tag) => tag.trim().replace(/^W\//, ''))
  return (shown) => tags.includes('*') || tags.includes(etagOf(shown))
}
