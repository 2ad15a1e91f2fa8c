// Keeps the ring of signing keys fresh: rotates it on schedule, on whichever instance is first, and tells this process.
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { type OpenedKey, publishedSeconds, type SigningKeys } from './domain/signing-keys.ts'

export interface KeyKeeperParts {
  readonly signingKeys: SigningKeys
  /** The ring that this process started with. */
  readonly keys: readonly OpenedKey[]
  /** Told of every ring that differs from the one before. */
  readonly use: (keys: readonly OpenedKey[]) => Promise<void>
  /** How old the current key may grow; null: it is rotated by hand alone. */
  readonly rotationSeconds: number | null
  readonly log: FastifyBaseLogger
  /** Milliseconds between looks; default half a minute, far less than a key is published before it signs. */
  readonly pauseMs?: number
}

export interface KeyKeeper {
  /** Looks now: rotates what is due and takes up what others have done. @throws whatever the database throws */
  look(): Promise<void>
  /** Resolves when the look under way is over. */
  stop(): Promise<void>
}

const shape = (keys: readonly OpenedKey[]) => keys.map(({ kid, state }) => `${kid} ${state}`).join(' ')

/** Starts looking after the keys. */
export function startKeyKeeper(parts: KeyKeeperParts): KeyKeeper {
  const { signingKeys, use, rotationSeconds, log, pauseMs = 30_000 } = parts
  const stopping = new AbortController()
  const { signal } = stopping
  let known = shape(parts.keys)

  async function look(): Promise<void> {
    if (rotationSeconds !== null) {
      const ages = { currentSeconds: rotationSeconds, nextSeconds: publishedSeconds }
      if (await signingKeys.rotate(ages)) log.info('The next signing key signs from now on')
    }
    const retired = await signingKeys.retire()
    if (retired > 0) log.info({ retired }, 'Signing keys removed whose last token is gone')
    const keys = await signingKeys.open()
    if (shape(keys) === known) return
    await use(keys)
    known = shape(keys)
  }

  async function work(): Promise<void> {
    while (!signal.aborted) {
      await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      try {
        await look()
      } catch (error) {
        log.warn({ err: error }, 'The signing keys could not be looked after; the next look tries again')
      }
    }
  }

  const working = work()
  return {
    look,
    async stop() {
      stopping.abort()
      await working
    },
  }
}
