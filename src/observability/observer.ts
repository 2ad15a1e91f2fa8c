// What the domain reports: counted by the metrics; refusals are also logged.
import type { FastifyBaseLogger } from 'fastify'
import type { Observer } from '../domain/observer.ts'
import type { Metrics } from './metrics.ts'

/** Builds the observer of a process. A refusal is one line: the reason, the client's network and the account's UUID. */
export function createObserver({ observer }: Pick<Metrics, 'observer'>, log: FastifyBaseLogger): Observer {
  return {
    ...observer,
    importRefused({ projectId: project, host }) {
      log.warn(
        { project, host },
        'The old system took a password, but a field of its answer cannot be imported: names have at most 255 characters, metadata is an object, and a UUID as sub is of one person',
      )
    },
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
