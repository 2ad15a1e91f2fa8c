// Checks what waits in the database to be sent: mails and events.
import { countUnsentDeliveries } from '../repositories/events/deliveries.ts'
import { countUnordered } from '../repositories/events/events.ts'
import { countFailingWebhooks } from '../repositories/events/webhooks.ts'
import { countMails } from '../repositories/mail/listed-mails.ts'
import type { Stores } from '../repositories/store.ts'
import { type Finding, findingsOn } from './finding.ts'

/** Deliveries and events that may wait before it is told. */
const mayWait = 10_000

/** A count with its words. @param one follows 1 @param many follows every other number */
const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`

export function outboxVerdict({
  owed,
  dead,
  oldestSeconds,
}: Awaited<ReturnType<typeof countMails>>): Finding {
  const { good, warning } = findingsOn('outbox')
  if (dead > 0)
    return warning`${counted(dead, 'mail was', 'mails were')} given up. See: npx . mail list --dead, then: npx . mail retry --all-dead`
  const isOwed = counted(owed, 'mail is', 'mails are')
  if (oldestSeconds > 600)
    return warning`${isOwed} owed, the oldest for ${Math.round(oldestSeconds / 60)} minutes. See: npx . mail list`
  return good`${isOwed} owed, none was given up.`
}

/**
 * @param unordered events without a position
 * @param failing webhooks whose last attempt failed
 */
export function webhooksVerdict({
  unordered,
  pending,
  dead,
  failing,
}: Readonly<Record<'unordered' | 'pending' | 'dead' | 'failing', number>>): Finding {
  const { good, warning } = findingsOn('webhooks')
  if (dead > 0)
    return warning`${counted(dead, 'delivery was', 'deliveries were')} given up. See: npx . webhooks deliveries --state dead, then: npx . webhooks retry-dead`
  const isPending = counted(pending, 'delivery is', 'deliveries are')
  if (failing > 0)
    return warning`${counted(failing, 'webhook', 'webhooks')} failed at the last attempt, and ${isPending} pending. See: npx . webhooks list --project ID`
  const waiting = counted(unordered, 'event waits for its', 'events wait for their')
  if (unordered > mayWait)
    return warning`${waiting} position: no instance of this version runs, or it cannot keep up.`
  if (pending > mayWait)
    return warning`${isPending} pending: no instance runs, or their receivers do not keep up. See: npx . webhooks list --project ID`
  return good`${isPending} pending, none was given up; ${waiting} position.`
}

export const checkOutbox = async ({ unscoped }: Stores): Promise<Finding> =>
  outboxVerdict(await countMails(unscoped))

export const checkWebhooks = async ({ unscoped }: Stores): Promise<Finding> =>
  webhooksVerdict({
    unordered: await countUnordered(unscoped),
    failing: await countFailingWebhooks(unscoped),
    ...(await countUnsentDeliveries(unscoped)),
  })
