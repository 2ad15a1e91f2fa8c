// A mail job for tests of the domain; it passes every mail to the test.
import { startMailJob } from '../../src/jobs/mail.ts'
import type { OutgoingMail } from '../../src/mail/mailer.ts'
import { createLogger } from '../../src/observability/logging.ts'
import type { TestDomain } from './domain.ts'
import { eventually } from './eventually.ts'

/** PUBLIC_URL of the links. */
export const publicUrl = 'https://auth.example.com'

export interface Post {
  readonly sent: readonly OutgoingMail[]
  /** Waits for the newest mail of this kind to the address. */
  mailTo(address: string, kind: string): Promise<OutgoingMail>
  /** Resolves when the mail queue is empty. */
  settled(): Promise<void>
}

export function startPost(
  t: { teardown(work: () => unknown): void },
  { services, sql }: Pick<TestDomain, 'services' | 'sql'>,
): Post {
  const sent: OutgoingMail[] = []
  const job = startMailJob({
    services,
    mailer: {
      async send(mail) {
        sent.push(mail)
      },
      async close() {},
    },
    publicUrl,
    log: createLogger('silent', { write: () => {} }),
    pollMs: 20,
  })
  t.teardown(() => job.stop())
  const newest = (address: string, kind: string) =>
    sent.findLast((mail) => mail.to === address && mail.kind === kind)
  return {
    sent,
    async mailTo(address, kind) {
      await eventually(`a mail ${kind} to ${address}`, async () => newest(address, kind) !== undefined)
      const mail = newest(address, kind)
      if (!mail) throw new Error('The mail is gone.')
      return mail
    },
    async settled() {
      await eventually('an empty mail queue', async () => {
        const [row] =
          await sql`select count(*)::int as owed from outbox where sent_at is null and dead_at is null`
        return row?.owed === 0
      })
    },
  }
}
