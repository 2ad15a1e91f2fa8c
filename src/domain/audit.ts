// Audit: what happened to an account, told in the transaction that it describes.
import type { AuditEvent } from '../repositories/audit.ts'
import type { Repositories } from '../repositories/store.ts'
import type { Caller } from './principal.ts'
import type { Project } from './projects.ts'

/** What an event is about. */
export interface AuditFacts {
  readonly userId: number
  readonly event: AuditEvent
  readonly sessionId?: string | null
  /** The key by which somebody acted, or which was made or revoked. */
  readonly apiKeyId?: string | undefined
  /** The team that it is about. */
  readonly teamId?: string
  /** Who asked, where somebody did. */
  readonly caller?: Caller
  /** Default: success. */
  readonly outcome?: 'success' | 'refused'
}

/** Writes an event with `tx`, so that it stands exactly when what it says happened. Holds no secret. */
export function record(tx: Repositories, project: Project, facts: AuditFacts): Promise<void> {
  return tx.audit.add({
    projectId: project.id,
    userId: facts.userId,
    event: facts.event,
    sessionId: facts.sessionId ?? null,
    apiKeyId: facts.apiKeyId ?? null,
    teamId: facts.teamId ?? null,
    outcome: facts.outcome ?? 'success',
    addressPrefix: facts.caller?.addressPrefix ?? null,
    userAgent: facts.caller?.userAgent ?? null,
  })
}
