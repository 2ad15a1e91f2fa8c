// Writes down what a test's app was asked and answered, for `npm run record-traffic`: one file for each app, in the folder of
// RECORD_TRAFFIC. The file holds secrets of the test; the fixtures that are made of it hold placeholders.
import { randomUUID } from 'node:crypto'
import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

export interface SentExchange {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  /** As it was given: JSON, or a text that is sent as it is. */
  readonly body?: unknown
  readonly status: number
  readonly mediaType: string
  readonly answer: unknown
  readonly cookies: Record<string, string>
}

/** A line of the file. `mails`: what the app had sent when it closed, the oldest first. */
export type LogLine =
  | {
      readonly kind: 'app'
      readonly projectId: string
      readonly projectSecret: string
      readonly policy: unknown
    }
  | ({ readonly kind: 'sent' } & SentExchange)
  | { readonly kind: 'policy'; readonly policy: unknown }
  | { readonly kind: 'project'; readonly policy: unknown; readonly id: string; readonly secret: string }
  | {
      readonly kind: 'mails'
      readonly mails: readonly { to: string; token: string | null; code: string | null }[]
    }

/** @returns what writes a line; null where nothing is recorded */
export function openTrafficLog(): ((line: LogLine) => void) | null {
  const folder = process.env.RECORD_TRAFFIC
  if (!folder) return null
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${randomUUID()}.jsonl`)
  return (line) => appendFileSync(file, `${JSON.stringify(line)}\n`)
}
