// The sealing job: puts the rows of the security log into the chain of their project, within seconds of their commit.
import type { FastifyBaseLogger } from 'fastify'
import { sealSecurityLog } from '../domain/audit/chain.ts'
import type { Services } from '../domain/context.ts'
import { every, type Job } from './schedule.ts'

export interface SealingOptions {
  readonly services: Pick<Services, 'stores' | 'keys'>
  readonly log: FastifyBaseLogger
  /** Milliseconds between runs; default 1000. */
  readonly pauseMs?: number
}

/** Starts the sealing job. Where several run, one seals a project and the others pass it by. */
export function startSealingJob({ services, log, pauseMs = 1000 }: SealingOptions): Job {
  return every({
    pauseMs: () => pauseMs,
    async run() {
      await sealSecurityLog(services)
    },
    failed: (error) =>
      log.warn({ err: error }, 'The security log could not be sealed; the next run tries again'),
  })
}
