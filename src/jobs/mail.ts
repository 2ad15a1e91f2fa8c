// The mail job: takes queued mails under a lease, mints their tokens, sends them and marks them. A crash, a mail server or
// a database that is down delays a mail and loses none.
//
// SMTP cannot say "exactly once": a sender that heard no answer must send again (RFC 5321 §4.5.4.1; RFC 1047). So a mail is
// marked after it was accepted and within milliseconds, and the copy that a crash in between causes is the same mail: one
// Message-ID and one link, both derived from the row.
import type { FastifyBaseLogger } from 'fastify'
import { mintForClaims } from '../domain/accounts/claims.ts'
import { mintForEmailSignIns } from '../domain/accounts/email-sign-in.ts'
import { mintForRegistrations } from '../domain/accounts/registration.ts'
import type { Services } from '../domain/context.ts'
import { type MailToMint, mintForMails } from '../domain/credentials/mailed-tokens.ts'
import type { Project } from '../domain/projects/projects.ts'
import { mintForInvitations } from '../domain/teams/invitations.ts'
import { propertiesOf } from '../mail/kinds.ts'
import type { LinkPurpose } from '../mail/links.ts'
import { MailError, type Mailer } from '../mail/mailer.ts'
import {
  markMailFailed,
  markMailsSent,
  returnMail,
  type TakenMail,
  takeMails,
} from '../repositories/mail/mail-queue.ts'
import { type CarriedSecrets, composeMail, isObsolete, recipientOf } from './compose-mail.ts'
import { every, type Job, pause, withDeadline } from './schedule.ts'

export interface MailJobOptions {
  readonly services: Services
  readonly mailer: Mailer
  /** Where our own pages are. */
  readonly publicUrl: string
  readonly log: FastifyBaseLogger
  /** Called with the outcome of each attempt to send a mail; a dead mail is not tried again. */
  readonly mailed?: (outcome: 'sent' | 'failed' | 'dead') => void
  /** Milliseconds between looks at an empty queue; default 500. */
  readonly pollMs?: number
}

/** Mails sent at the same time: more while the server is fast, fewer while it is slow, so that none outlasts its lease. */
const [minWidth, maxWidth] = [10, 200]
const [fastMs, slowMs] = [2000, 10_000]
/** Longer than minting, sending and marking take together, so that no other job takes a mail that is being sent. */
const leaseSeconds = 120
/** A mail whose sending has not begun this long after it was taken is left to its lease: the process was asleep. */
const freshMs = 40_000
const maxAttempts = 12
/** How long mails that are being sent may still take when the job stops. */
const stopMs = 2000

const jitter = () => 0.8 + Math.random() * 0.4

/** Seconds until the next try: doubling from 5 up to an hour, give or take a fifth. */
function delayAfter(attempts: number): number {
  return Math.max(1, Math.round(Math.min(5 * 2 ** (attempts - 1), 3600) * jitter()))
}

/** The time while the mail server takes no mail at all: one mail is tried at a time, and no mail's attempts are used up. */
class Outage {
  #failures = 0
  #resumeAt = 0
  get isOn(): boolean {
    return this.#failures > 0
  }
  get leftMs(): number {
    return Math.max(0, this.#resumeAt - performance.now())
  }
  /** Extends the outage once for all mails that failed in it. @returns whole seconds until the next try */
  extend(): number {
    if (this.leftMs === 0)
      this.#resumeAt = performance.now() + Math.min(1000 * 2 ** this.#failures++, 60_000) * jitter()
    return Math.floor(this.leftMs / 1000)
  }
  end(): void {
    this.#failures = 0
    this.#resumeAt = 0
  }
}

/** One mail that is to be sent. */
export interface Outgoing {
  readonly row: TakenMail
  readonly project: Project
  readonly purpose: CarriedPurpose | null
}

/** What the secrets of a mail prove: by its link, or by the code of a mail without one. */
type CarriedPurpose = LinkPurpose | 'step_up' | 'second_factor'

function purposeOf(kind: TakenMail['kind']): CarriedPurpose | null {
  const { code, link } = propertiesOf(kind)
  return code ?? link ?? null
}

class MailJob implements Job {
  readonly #options: MailJobOptions
  readonly #loop: Job
  readonly #outage = new Outage()
  /** Mails that are being sent or marked. */
  readonly #working = new Set<Promise<void>>()
  #width = 40
  #pauseMs = 0
  #sentIds: string[] = []
  #marking: Promise<void> | undefined
  readonly #warn = (error: unknown) =>
    this.#options.log.warn({ err: error }, 'The mail job could not reach the mail queue')

  constructor(options: MailJobOptions) {
    this.#options = options
    this.#loop = every({
      run: (signal) => this.#takeBatch(signal),
      pauseMs: () => this.#pauseMs,
      failed: this.#warn,
    })
  }

  async stop(): Promise<void> {
    // The run under way waits for mails that are being sent.
    const ended = this.#loop.stop().then(() => Promise.all(this.#working))
    await withDeadline(ended, stopMs, null)
    // Mails that the mailer gives up are returned to the queue.
    await this.#options.mailer.close()
    await ended
  }

  async #takeBatch(signal: AbortSignal): Promise<void> {
    const { services, pollMs = 500 } = this.#options
    if (this.#outage.isOn) await pause(this.#outage.leftMs, signal)
    if (signal.aborted) return
    const limit = this.#outage.isOn ? 1 : Math.max(1, this.#width - this.#working.size)
    const takenAt = performance.now()
    this.#pauseMs = pollMs
    const rows = await takeMails(services.stores.unscoped, limit, leaseSeconds)
    try {
      await this.#sendBatch(rows, takenAt, signal)
    } catch (error) {
      // Otherwise the mails that were taken and not sent would wait for the end of their lease.
      await Promise.allSettled(rows.map((row) => this.#fail(row, error)))
      throw error
    }
    if (rows.length < limit) return
    this.#pauseMs = 0
    if (this.#outage.isOn) await Promise.all(this.#working)
    else await this.#adaptWidth(takenAt)
  }

  /** Waits until half of the mails are done, and adapts the width to how long that took. */
  async #adaptWidth(takenAt: number): Promise<void> {
    while (this.#working.size > this.#width / 2) await Promise.race(this.#working)
    const tookMs = performance.now() - takenAt
    if (tookMs < fastMs) this.#width = Math.min(this.#width * 2, maxWidth)
    else if (tookMs > slowMs) this.#width = Math.max(Math.ceil(this.#width / 2), minWidth)
  }

  /** Mints for all mails that were taken together, and starts sending them. */
  async #sendBatch(rows: readonly TakenMail[], takenAt: number, signal: AbortSignal): Promise<void> {
    const { projects } = this.#options.services
    const mails: Outgoing[] = []
    for (const row of rows) {
      if (isObsolete(row)) this.#start(this.#markSent(row.id, signal))
      else mails.push({ row, project: await projects.getAny(row.projectId), purpose: purposeOf(row.kind) })
    }
    const minted = await mintSecrets(this.#options.services, mails)
    for (const { row, project, purpose } of mails) {
      const secrets = minted.get(row.id)
      if (purpose && !secrets) this.#start(this.#markSent(row.id, signal))
      else if (performance.now() - takenAt < freshMs) this.#start(this.#send(row, project, secrets, signal))
    }
  }

  /** Lets work on one mail run; where its outcome cannot be stored, the mail comes back when its lease ends. */
  #start(work: Promise<void>): void {
    const guarded = work.catch(this.#warn).finally(() => this.#working.delete(guarded))
    this.#working.add(guarded)
  }

  async #send(
    row: TakenMail,
    project: Project,
    secrets: CarriedSecrets | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { mailer, publicUrl, mailed } = this.#options
    try {
      await mailer.send(composeMail(row, project, secrets, publicUrl))
    } catch (error) {
      return this.#fail(row, error)
    }
    this.#outage.end()
    mailed?.('sent')
    await this.#markSent(row.id, signal)
  }

  async #fail(row: TakenMail, error: unknown): Promise<void> {
    const { services, log, mailed } = this.#options
    const known = error instanceof MailError ? error : null
    const reason = known?.message ?? 'The mail could not be made.'
    const dead = (known?.permanent ?? false) || (row.attempts >= maxAttempts && !known?.anyMail)
    mailed?.(dead ? 'dead' : 'failed')
    log.warn({ mail: row.id, kind: row.kind, attempts: row.attempts, dead, reason }, 'Mail was not sent')
    const { unscoped } = services.stores
    if (known?.anyMail && !dead) await returnMail(unscoped, row, reason, this.#outage.extend())
    else await markMailFailed(unscoped, row, reason, delayAfter(row.attempts), dead)
  }

  /** Marks a mail as sent; ids gather while a statement is under way, so that one statement marks all of them. */
  async #markSent(id: string, signal: AbortSignal): Promise<void> {
    this.#sentIds.push(id)
    this.#marking ??= this.#markAll(signal)
    await this.#marking
  }

  async #markAll(signal: AbortSignal): Promise<void> {
    const { services, log } = this.#options
    await Promise.resolve()
    while (this.#sentIds.length > 0) {
      const ids = this.#sentIds
      this.#sentIds = []
      // A database that comes back within the lease still learns what was sent.
      for (let attempt = 0; ; attempt++)
        try {
          await markMailsSent(services.stores.unscoped, ids)
          break
        } catch (error) {
          log.warn({ err: error, mails: ids.length }, 'Mail was sent and could not be marked')
          if (signal.aborted || attempt >= 20) break
          await pause(Math.min(100 * 2 ** attempt, 3000), signal)
        }
    }
    this.#marking = undefined
  }
}

/** Purposes whose rows are there before the mail is sent: they need no account. */
type ApartPurpose = 'team_invitation' | 'register' | 'sign_in'
const isMintedApart = (purpose: CarriedPurpose): purpose is ApartPurpose =>
  purpose === 'team_invitation' || purpose === 'register' || purpose === 'sign_in'

/** Mints the secrets of mails that carry any, by the id of the mail. */
export async function mintSecrets(
  services: Services,
  mails: readonly Outgoing[],
): Promise<Map<string, CarriedSecrets>> {
  const ofPurpose = (wanted: LinkPurpose) =>
    mails.filter(({ purpose }) => purpose === wanted).map(({ row, project }) => ({ id: row.id, project }))
  const toAccounts = mails.flatMap(({ row, project, purpose }): MailToMint[] => {
    if (!purpose || !row.user || isMintedApart(purpose)) return []
    const { id, createdAt: queuedAt, user, details } = row
    const boundTo = details.sessionId ?? details.challengeId
    return [{ id, queuedAt, project, user, purpose, email: recipientOf(row), boundTo }]
  })
  const ofClaims = mails.flatMap(({ row: { id, details }, project }) =>
    details.claimId
      ? [{ id, claim: { id: details.claimId, serial: details.claimSerial ?? 0 }, project }]
      : [],
  )
  return new Map<string, CarriedSecrets>([
    ...(await mintForClaims(services, ofClaims)),
    ...(await mintForMails(services, toAccounts)),
    ...(await mintForRegistrations(services, ofPurpose('register'))),
    ...(await mintForInvitations(services, ofPurpose('team_invitation'))),
    ...(await mintForEmailSignIns(services, ofPurpose('sign_in'))),
  ])
}

/** Starts the mail job. */
export function startMailJob(options: MailJobOptions): Job {
  return new MailJob(options)
}
