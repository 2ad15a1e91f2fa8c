// Queries a breached-password service by range, as the API of Have I Been Pwned defines it, through the guarded fetch.
import { isLoopback } from '../formats.ts'
import { CallFailed, guardedFetch } from '../outgoing/guarded-fetch.ts'

/**
 * Finds the SHA-1 hashes of breached passwords that begin with `prefix`.
 * @param prefix the first five hexadecimal digits of a SHA-1
 * @returns the other 35 digits of each, in upper case; null: the service does not answer now
 */
export type BreachedRange = (url: string, prefix: string) => Promise<ReadonlySet<string> | null>

/** Milliseconds. A person who sets a password waits for the answer. */
const deadlineMs = 1000

/** A line of the response: digits, and how often the password was seen. Padding has a count of 0. */
const line = /^([0-9A-F]{35}):0*[1-9]\d*$/i

/**
 * Creates the client of the service.
 * @param onTrouble called when the service does not answer; the error holds no secret
 */
export function createBreachedRange(onTrouble: (host: string, error: Error) => void): BreachedRange {
  return async (address, prefix) => {
    const url = new URL(address)
    url.pathname = `${url.pathname.replace(/\/$/, '')}/${prefix}`
    try {
      const response = await guardedFetch(url, {
        // Private addresses are allowed only for a loopback host, which the operator configured.
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
