// The webhook job: puts events in order, makes deliveries of them, and sends those under a lease. A crash, a receiver or a
// database that is down delays a delivery and loses none; one whose mark was lost is sent again under the same id.
import type { FastifyBaseLogger } from 'fastify'
import type { Services } from '../domain/context.ts'
import {
  composeDelivery,
  type EventPrinter,
  finishDelivery,
  makeDeliveries,
  type Outcome,
  type TakenDelivery,
} from '../domain/events/deliveries.ts'
import { orderAllEvents } from '../domain/events/events.ts'
import { type DueWebhook, listDueWebhooks, takeDeliveries } from '../repositories/events/deliveries.ts'
import { every, type Job, withDeadline } from './schedule.ts'

export interface WebhookJobOptions {
  readonly services: Services
  readonly printEvent: EventPrinter
  readonly log: FastifyBaseLogger
  /** Called with the outcome of each attempt. */
  readonly delivered?: (outcome: Outcome) => void
}

/** Deliveries under way at the same time: of one webhook, of one that failed last, of one project, and of all. */
const [maxOfWebhook, maxOfFailing, maxOfProject, maxOfAll] = [8, 1, 64, 256]
/** Milliseconds between looks for due deliveries: while some were found, and else. */
const [busyPauseMs, pauseMs] = [20, 500]
/** Longer than an attempt and its marks take together. */
const leaseSeconds = 60
/** How long attempts that are under way may still take when the job stops. */
const stopMs = 2000

class WebhookJob implements Job {
  readonly #options: WebhookJobOptions
  readonly #loop: Job
  /** Deliveries under way, by their attempt. */
  readonly #working = new Map<Promise<void>, TakenDelivery>()
  #more = false
  readonly #warn = (error: unknown) =>
    this.#options.log.warn({ err: error }, 'The webhook job could not reach the database; it tries again')

  constructor(options: WebhookJobOptions) {
    this.#options = options
    this.#loop = every({
      run: (signal) => this.#look(signal),
      pauseMs: () => (this.#more ? busyPauseMs : pauseMs),
      failed: this.#warn,
    })
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
    await withDeadline(Promise.all(this.#working.keys()), stopMs, null)
  }

  /** How many more deliveries of a webhook may begin now. */
  #free({ id, projectId, failures }: DueWebhook): number {
    const under = [...this.#working.values()]
    const ofWebhook = under.filter(({ webhookId }) => webhookId === id).length
    const ofProject = under.filter((delivery) => delivery.projectId === projectId).length
    return Math.min(
      (failures > 0 ? maxOfFailing : maxOfWebhook) - ofWebhook,
      maxOfProject - ofProject,
      maxOfAll - under.length,
    )
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { services } = this.#options
    this.#more = false
    await orderAllEvents(services)
    await makeDeliveries(services)
    for (const webhook of await listDueWebhooks(services.stores.unscoped, 1000)) {
      if (signal.aborted) return
      const free = this.#free(webhook)
      if (free <= 0) continue
      const taken = await takeDeliveries(services.stores.unscoped, webhook, free, leaseSeconds)
      for (const delivery of taken) this.#start(delivery)
      this.#more ||= taken.length > 0
    }
  }

  #start(delivery: TakenDelivery): void {
    const attempt = this.#attempt(delivery)
      .catch(this.#warn)
      .finally(() => this.#working.delete(attempt))
    this.#working.set(attempt, delivery)
  }

  async #attempt(delivery: TakenDelivery): Promise<void> {
    const { services, printEvent, log, delivered } = this.#options
    const message = await composeDelivery(services, delivery, printEvent)
    const receipt = message
      ? await services.webhookSender.send(message)
      : ({ error: 'The event was removed before it could be sent.' } as const)
    const outcome = await finishDelivery(services, delivery, receipt)
    delivered?.(outcome)
    if (outcome === 'sent') return
    const { webhookId: webhook, type, attempts } = delivery
    log.warn({ webhook, type, attempts, outcome, ...receipt }, 'A webhook was not delivered')
  }
}

/** Starts the webhook job. */
export function startWebhookJob(options: WebhookJobOptions): Job {
  return new WebhookJob(options)
}
