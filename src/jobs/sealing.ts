// The sealing job: puts the rows of the security log into the chain of their project, within seconds of their commit.
import type { FastifyBaseLogger } from 'fastify'
import { sealSecurityLog } from '../domain/audit/chain.ts'
import type { Services } from '../domain/context.ts'
import { every, type Job } from './schedule.ts'

/** Milliseconds between runs. */
const pauseMs = 1000

/** Starts the sealing job. Where several instances run it, one seals a project and the others skip it. */
export function startSealingJob(services: Pick<Services, 'stores' | 'keys'>, log: FastifyBaseLogger): Job {
  return every({
    pauseMs: () => pauseMs,
    async run() {
      await sealSecurityLog(services)
    },
    failed: (error) =>
      log.warn({ err: error }, 'The security log could not be sealed; the next run tries again'),
  })
}
