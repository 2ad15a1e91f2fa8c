// What the domain reports: counted by the metrics; refusals are also logged.
import type { FastifyBaseLogger } from 'fastify'
import type { Observer } from '../domain/observer.ts'
import type { Metrics } from './metrics.ts'

/** Builds the observer of a process. A refusal is one line: the reason, the client's network and the account's UUID. */
export function createObserver({ observer }: Pick<Metrics, 'observer'>, log: FastifyBaseLogger): Observer {
  return {
    ...observer,
    refused({ event, reason, projectId: project, account, addressPrefix: client }) {
      log.info({ event, reason, project, account, client }, 'Refused')
    },
    mailSuppressed(facts) {
      observer.mailSuppressed(facts)
      const { kind, projectId: project, isFirst } = facts
      if (isFirst) log.warn({ kind, project }, 'A recipient had enough mails: no more are queued for now')
    },
  }
}
