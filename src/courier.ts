// Sends owed mail: takes rows under a lease, mints what they promise, sends, and marks. A crash or a dead mail server
// delays a mail and loses none.
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { MailTokens } from './domain/mail-tokens.ts'
import type { Project, Projects } from './domain/projects.ts'
import { MailError, type Mailer } from './mail/mailer.ts'
import { addressTakenMessage, type Composed, verifyEmailMessage } from './mail/messages.ts'
import type { OutboxRow } from './repositories/outbox.ts'
import type { Store } from './repositories/store.ts'
import type { UserRow } from './repositories/users.ts'

export interface CourierParts {
  readonly store: Store
  readonly projects: Projects
  readonly mailTokens: MailTokens
  readonly mailer: Mailer
  /** Where the link of a verification mail leads. */
  readonly verificationLink: (projectId: string, token: string) => string
  readonly log: FastifyBaseLogger
  /** Milliseconds between looks at an empty outbox. */
  readonly pollMs?: number
}

export interface Courier {
  /** Takes no more mail and resolves when what was taken is sent or put back. */
  stop(): Promise<void>
}

const batch = 10
/** Longer than any send may take, so that a living courier's mail is never taken by another. */
const leaseSeconds = 120
const maxAttempts = 12

/** Seconds until the next try: doubling from 5 up to an hour, give or take a fifth. */
function delayAfter(attempts: number): number {
  const base = Math.min(5 * 2 ** (attempts - 1), 3600)
  return Math.max(1, Math.round(base * (0.8 + Math.random() * 0.4)))
}

/** Starts the courier. */
export function startCourier(parts: CourierParts): Courier {
  const { store, projects, mailTokens, mailer, log } = parts
  const stopping = new AbortController()

  async function compose(
    row: OutboxRow,
    project: Project,
    user: UserRow,
  ): Promise<Composed & { link?: string }> {
    const shown = { projectName: project.name, displayName: user.displayName ?? user.firstName }
    if (row.kind === 'address_taken') return addressTakenMessage({ ...shown, signInHint: null })
    const minted = { purpose: 'verify_email', email: user.email, seed: row.id } as const
    const { token, code, lifetimeSeconds } = await mailTokens.mintNow(project, user, minted)
    const link = parts.verificationLink(project.id, token)
    const expiresInSeconds = lifetimeSeconds
    return { ...verifyEmailMessage({ ...shown, link, code, expiresInSeconds }), link }
  }

  async function deliver(row: OutboxRow): Promise<void> {
    try {
      const [project, user] = await Promise.all([
        projects.get(row.projectId),
        store.users.find(row.projectId, row.userId),
      ])
      // Nothing is owed to an account that is gone, or whose address was proven meanwhile.
      const moot = !user || user.disabledAt || (row.kind === 'verify_email' && user.emailVerifiedAt)
      if (!moot) {
        const message = await compose(row, project, user)
        await mailer.send({ id: row.id, kind: row.kind, to: user.email, ...message })
      }
      await store.outbox.markSent(row.id)
    } catch (error) {
      const permanent = error instanceof MailError && error.permanent
      const dead = permanent || row.attempts >= maxAttempts
      const reason = error instanceof MailError ? error.message : 'The mail could not be made.'
      log.warn({ mail: row.id, kind: row.kind, attempts: row.attempts, dead, reason }, 'Mail was not sent')
      await store.outbox.markFailed(row.id, reason, delayAfter(row.attempts), dead)
    }
  }

  async function work(): Promise<void> {
    while (!stopping.signal.aborted) {
      let taken = 0
      try {
        const rows = await store.outbox.take(batch, leaseSeconds)
        taken = rows.length
        await Promise.all(rows.map(deliver))
      } catch (error) {
        // The database is away; rows that were taken come back when their lease ends.
        log.warn({ err: error }, 'The courier could not reach the outbox')
      }
      if (taken < batch)
        await sleep(parts.pollMs ?? 500, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }

  const working = work()
  return {
    async stop() {
      stopping.abort()
      await working
      await mailer.close()
    },
  }
}
