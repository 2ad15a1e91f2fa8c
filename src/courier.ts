// Sends owed mail: takes rows under a lease, mints what they promise, sends, and marks. A crash, a dead mail server or a
// database that is away delays a mail and loses none.
//
// SMTP cannot say "exactly once": who sent and heard no answer must send again (RFC 5321, 4.5.4.1; RFC 1047). So a mail
// is marked after it was accepted and within milliseconds, and a second copy, should a crash come in between, is the
// same mail: one Message-ID and one link, both derived from the row.
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { MailTokens, MailToMint } from './domain/mail-tokens.ts'
import type { Project, Projects } from './domain/projects.ts'
import type { Registration } from './domain/registration.ts'
import type { TeamInvitations } from './domain/team-invitations.ts'
import { type Carried, isMoot, purposes, recipientOf, write } from './letter.ts'
import type { LinkPurpose } from './mail/links.ts'
import { MailError, type Mailer } from './mail/mailer.ts'
import type { TakenMail } from './repositories/outbox.ts'
import type { Store } from './repositories/store.ts'

export interface CourierParts {
  readonly store: Store
  readonly projects: Projects
  readonly mailTokens: MailTokens
  readonly teamInvitations: TeamInvitations
  readonly registration: Registration
  readonly mailer: Mailer
  /** Where our own pages are. */
  readonly publicUrl: string
  readonly log: FastifyBaseLogger
  /** Told what came of each attempt to send a mail; a dead one is not tried again. */
  readonly mailed?: (outcome: 'sent' | 'failed' | 'dead') => void
  /** Milliseconds between looks at an empty outbox. */
  readonly pollMs?: number
}

export interface Courier {
  /** Takes no more mail and resolves when what was taken is sent or put back. */
  stop(): Promise<void>
}

/**
 * Mails in hand at the same time; more are taken when half of them are done. A server that is fast gets more, up to the
 * most, and one that is slow fewer, so that no mail waits in hand for longer than its lease bears.
 */
const [fewest, most] = [10, 200]
const [fastMs, slowMs] = [2000, 10_000]
/** Longer than minting, sending and marking may take together, so that a living courier's mail is never taken by another. */
const leaseSeconds = 120
/** A mail that was held for so long before its sending begins is left to whoever takes it next: the process was asleep. */
const freshMs = 40_000
const maxAttempts = 12
/** How long mails in hand may still take their turn when the courier stops. */
const patienceMs = 2000

const jitter = () => 0.8 + Math.random() * 0.4

/** Seconds until the next try: doubling from 5 up to an hour, give or take a fifth. */
function delayAfter(attempts: number): number {
  return Math.max(1, Math.round(Math.min(5 * 2 ** (attempts - 1), 3600) * jitter()))
}

/** Starts the courier. */
export function startCourier(parts: CourierParts): Courier {
  const { store, projects, mailTokens, teamInvitations, registration, mailer, publicUrl, log } = parts
  const { mailed = () => {} } = parts
  const stopping = new AbortController()
  const stopped = stopping.signal
  const inHand = new Set<Promise<void>>()
  let width = 40
  const rest = (ms: number) => sleep(ms, undefined, { signal: stopped }).catch(() => {})

  // While the server takes no mail at all, one is tried at a time, and no mail's attempts are used up.
  let outages = 0
  let resumeAt = 0

  /** Seconds to wait, once for all mails that failed for the same outage. */
  function noteOutage(): number {
    if (performance.now() >= resumeAt)
      resumeAt = performance.now() + Math.min(1000 * 2 ** outages++, 60_000) * jitter()
    return Math.max(0, Math.floor((resumeAt - performance.now()) / 1000))
  }

  // Marks gather while a statement is on its way: one statement for all that were sent meanwhile.
  let toMark: string[] = []
  let marking: Promise<void> | undefined

  async function markAll(): Promise<void> {
    await Promise.resolve()
    while (toMark.length > 0) {
      const ids = toMark
      toMark = []
      // A database that comes back within the lease still learns what was sent.
      for (let attempt = 0; ; attempt++)
        try {
          await store.everywhere.mailroom.markSent(ids)
          break
        } catch (error) {
          log.warn({ err: error, mails: ids.length }, 'Mail was sent and could not be marked')
          if (stopped.aborted || attempt >= 20) break
          await rest(Math.min(100 * 2 ** attempt, 3000))
        }
    }
    marking = undefined
  }

  async function markSent(id: string): Promise<void> {
    toMark.push(id)
    marking ??= markAll()
    await marking
  }

  async function fail(row: TakenMail, error: unknown): Promise<void> {
    const known = error instanceof MailError ? error : null
    const reason = known?.message ?? 'The mail could not be made.'
    const dead = (known?.permanent ?? false) || (row.attempts >= maxAttempts && !known?.anyMail)
    mailed(dead ? 'dead' : 'failed')
    log.warn({ mail: row.id, kind: row.kind, attempts: row.attempts, dead, reason }, 'Mail was not sent')
    if (known?.anyMail && !dead) await store.everywhere.mailroom.putBack(row, reason, noteOutage())
    else await store.everywhere.mailroom.markFailed(row, reason, delayAfter(row.attempts), dead)
  }

  async function deliver(row: TakenMail, project: Project, secrets?: Carried): Promise<void> {
    try {
      await mailer.send(write(row, project, secrets, publicUrl))
    } catch (error) {
      return fail(row, error)
    }
    outages = 0
    mailed('sent')
    await markSent(row.id)
  }

  /** Runs without ever rejecting; a mail whose end cannot be written down comes back when its lease ends. */
  function hold(work: Promise<void>): void {
    const held = work
      .catch((error) => log.warn({ err: error }, 'The courier could not reach the outbox'))
      .finally(() => inHand.delete(held))
    inHand.add(held)
  }

  /** Mints for all that were taken together, and starts sending. */
  async function handle(rows: readonly TakenMail[], takenAt: number): Promise<void> {
    const owed: { row: TakenMail; project: Project; purpose: LinkPurpose | null }[] = []
    for (const row of rows) {
      if (isMoot(row)) hold(markSent(row.id))
      else owed.push({ row, project: await projects.get(row.projectId), purpose: purposes[row.kind] })
    }
    const toMint = owed.flatMap(({ row, project, purpose }): MailToMint[] =>
      purpose && purpose !== 'team_invitation' && purpose !== 'register' && row.user
        ? [{ id: row.id, owedAt: row.createdAt, project, user: row.user, purpose, email: recipientOf(row) }]
        : [],
    )
    const registered = owed.filter(({ purpose }) => purpose === 'register')
    const invited = owed.filter(({ purpose }) => purpose === 'team_invitation')
    const minted = new Map<string, Carried>([
      ...(await mailTokens.mintForMails(toMint)),
      ...(await registration.mintForMails(registered.map(({ row, project }) => ({ id: row.id, project })))),
      ...(await teamInvitations.mintForMails(invited.map(({ row, project }) => ({ id: row.id, project })))),
    ])
    for (const { row, project, purpose } of owed) {
      const secrets = minted.get(row.id)
      if (purpose && !secrets) hold(markSent(row.id))
      else if (performance.now() - takenAt < freshMs) hold(deliver(row, project, secrets))
    }
  }

  async function work(): Promise<void> {
    while (!stopped.aborted) {
      if (outages > 0) await rest(Math.max(0, resumeAt - performance.now()))
      if (stopped.aborted) return
      const room = outages > 0 ? 1 : Math.max(1, width - inHand.size)
      const takenAt = performance.now()
      let rows: TakenMail[] = []
      try {
        rows = await store.everywhere.mailroom.take(room, leaseSeconds)
        await handle(rows, takenAt)
      } catch (error) {
        log.warn({ err: error }, 'The courier could not reach the outbox')
        // What was taken and is not in hand would wait for its lease.
        await Promise.allSettled(rows.map((row) => fail(row, error)))
        rows = []
      }
      if (rows.length < room) await rest(parts.pollMs ?? 500)
      else if (outages > 0) await Promise.all(inHand)
      else {
        while (inHand.size > width / 2) await Promise.race(inHand)
        const tookMs = performance.now() - takenAt
        if (tookMs < fastMs) width = Math.min(width * 2, most)
        else if (tookMs > slowMs) width = Math.max(Math.ceil(width / 2), fewest)
      }
    }
  }

  const working = work()
  return {
    async stop() {
      stopping.abort()
      await working
      await Promise.race([Promise.all(inHand), sleep(patienceMs, undefined, { ref: false })])
      // What the mailer gives up is put back.
      await mailer.close()
      await Promise.all(inHand)
    },
  }
}
