// What a product says of a refusal that it has no sentence for: by the status that the canonical API gives it.
import { statusOf } from '../problems.ts'
import type { RefusalCode } from '../refusal.ts'

/** A status of the product, and what it says there. */
export type Face = readonly [status: number, sentence: string]

/**
 * Builds the fallback of a product: the face of the canonical status, else `malformed` for what the client did and
 * `failed` for what we did.
 */
export const faceByStatus =
  (byStatus: Readonly<Record<number, Face>>, malformed: Face, failed: Face) =>
  (code: RefusalCode): Face => {
    const status = statusOf(code)
    return byStatus[status] ?? (status < 500 ? malformed : failed)
  }
