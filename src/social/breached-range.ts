// Asks a breached-password service by range, as Have I Been Pwned defines it; guarded as the calls to providers are.
import { isLoopback } from '../formats.ts'
import { CallFailed, guardedFetch } from '../outgoing/guarded-fetch.ts'

/**
 * Finds the hashes that begin with `prefix`.
 * @param prefix the first five hexadecimal digits of a SHA-1
 * @returns the other 35 digits of each, in capitals; null: the service cannot be asked now
 */
export type BreachedRange = (url: string, prefix: string) => Promise<ReadonlySet<string> | null>

/** Milliseconds that a person who sets a password waits for the service. */
const deadlineMs = 1000

/** A line of the response: digits and how often the password was seen; padding was seen never. */
const line = /^([0-9A-F]{35}):0*[1-9]\d*$/i

/**
 * Makes the call to the service.
 * @param onTrouble called when it cannot be asked; nothing in the error is secret
 */
export function createBreachedRange(onTrouble: (host: string, error: Error) => void): BreachedRange {
  return async (address, prefix) => {
    const url = new URL(address)
    url.pathname = `${url.pathname.replace(/\/$/, '')}/${prefix}`
    try {
      const response = await guardedFetch(url, {
        // An operator who names this host means it; every other address must be public.
        allowPrivateNetwork: isLoopback(url.hostname),
        headers: { accept: 'text/plain', 'add-padding': 'true' },
        timeoutMs: deadlineMs,
      })
      if (response.status !== 200)
        throw new CallFailed(`The service at ${url.host} answered ${response.status}.`)
      const lines = (await response.text()).split(/\r?\n/)
      return new Set(lines.flatMap((text) => line.exec(text.trim())?.[1]?.toUpperCase() ?? []))
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error
      onTrouble(url.host, error)
      return null
    }
  }
}
