// The key-rotation job: rotates signing keys on schedule, on the instance that comes first, and follows what others did.
import type { FastifyBaseLogger } from 'fastify'
import { type ChangeFeed, noChangeFeed } from '../domain/change-feed.ts'
import type { Project } from '../domain/projects/projects.ts'
import {
  introducedSeconds,
  type OpenedKey,
  openSigningKeys,
  publishedSeconds,
  retireSigningKeys,
  rotateSigningKeys,
  type SigningKeyServices,
} from '../domain/signing-keys/signing-keys.ts'
import { every, type Job } from './schedule.ts'

export interface KeyRotationOptions {
  readonly services: SigningKeyServices
  /** The keys that this process started with. */
  readonly keys: readonly OpenedKey[]
  readonly tokens: {
    /** Called with the keys whenever they differ from those before. */
    use(keys: readonly OpenedKey[]): Promise<void>
    hasKeys(algorithm: OpenedKey['algorithm']): boolean
  }
  /** Age at which the current key is replaced; null: an operator rotates keys. */
  readonly rotationSeconds: number | null
  readonly log: FastifyBaseLogger
  /** Reports keys that changed; without one they are checked more often. */
  readonly changeFeed?: ChangeFeed | undefined
}

export interface KeyRotationJob extends Job {
  /** Checks now: rotates keys that are due and takes over what other instances did. @throws what the database throws */
  check(): Promise<void>
  /** Makes the keys of a project's algorithm where there is none; until it succeeds, the default algorithm signs. */
  prepare(project: Pick<Project, 'policy'>): Promise<void>
}

const fingerprint = (keys: readonly OpenedKey[]) => keys.map(({ kid, state }) => `${kid} ${state}`).join(' ')

/** Starts the key-rotation job. */
export function startKeyRotationJob(options: KeyRotationOptions): KeyRotationJob {
  const { services, tokens, rotationSeconds, log, changeFeed = noChangeFeed } = options
  // Far less than the time for which a key is published before it signs.
  const pauseMs = changeFeed === noChangeFeed ? 2000 : 30_000
  let known = fingerprint(options.keys)

  async function check(): Promise<void> {
    // Without a schedule, only an algorithm that has no signing key yet gets one.
    const currentSeconds = rotationSeconds ?? Number.POSITIVE_INFINITY
    if (
      await rotateSigningKeys(services, {
        currentSeconds,
        nextSeconds: publishedSeconds,
        firstSeconds: introducedSeconds,
      })
    )
      log.info('The next signing key signs from now on')
    const retired = await retireSigningKeys(services)
    if (retired > 0) log.info({ retired }, 'Signing keys removed whose last token is gone')
    await follow()
  }

  let following: Promise<void> = Promise.resolve()
  /** Takes over the keys of the database, one call after another. */
  function follow(): Promise<void> {
    const after = following
      .catch(() => {})
      .then(async () => {
        const keys = await openSigningKeys(services)
        if (fingerprint(keys) === known) return
        await tokens.use(keys)
        known = fingerprint(keys)
      })
    following = after
    return after
  }

  const failed = (error: unknown) =>
    log.warn({ err: error }, 'The signing keys could not be checked; the next check tries again')
  const followNow = () => void follow().catch(failed)
  changeFeed.subscribe({ user() {}, project() {}, keys: followNow, everything: followNow })

  async function prepare({ policy }: Pick<Project, 'policy'>): Promise<void> {
    if (tokens.hasKeys(policy.tokens.signing_algorithm)) return
    await check().catch((error) => log.warn({ err: error }, 'A signing key could not be made'))
  }

  // Spread, so that instances that started together do not check together.
  const spread = () => pauseMs * (0.5 + Math.random())
  const job = every({
    firstMs: spread(),
    pauseMs: spread,
    run: check,
    failed,
  })
  return { ...job, check, prepare }
}
