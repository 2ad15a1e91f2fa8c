// TLS to PostgreSQL (protocol documentation §54.2.10), negotiated before the driver sees the socket, so that each refusal has
// a sentence of its own and none of them leads to a connection that is less safe than the URL demands.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect } from 'node:tls'
import type { TlsTarget } from '../database-url/target.ts'

/** SSLRequest: the length of the message, and the number 80877103. */
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

/** An error whose message is a sentence, with a code by which the database counts as away. */
const tlsError = (message: string, cause?: unknown) =>
  Object.assign(new Error(message, { cause }), { code: 'CONNECTION_CLOSED' })

/** Waits for an event. @throws the socket's error; an error with a sentence where it closes first or `ms` are over */
async function next(socket: Socket, event: 'data' | 'secureConnect', ms: number): Promise<unknown[]> {
  const ending = new AbortController()
  const end = () => ending.abort()
  const timer = setTimeout(end, ms)
  socket.once('close', end)
  try {
    return await once(socket, event, { signal: ending.signal })
  } catch (error) {
    if (!ending.signal.aborted) throw error
    throw tlsError(socket.closed ? 'the server closed the connection' : 'the server did not answer in time')
  } finally {
    clearTimeout(timer)
    socket.off('close', end)
  }
}

/**
 * Encrypts a socket.
 * @param host the name or address for which the certificate must be
 * @param ms milliseconds for each answer of the server
 * @returns the encrypted socket, or the plain one where the server offers no TLS and the URL allows that
 * @throws an error with a sentence where the server offers no TLS, or has a certificate that is not trusted
 */
export async function encrypt(socket: Socket, host: string, tls: TlsTarget, ms: number): Promise<Socket> {
  // `next` reports an error to its caller; between two calls an unhandled one would end the process.
  socket.on('error', () => {})
  socket.write(sslRequest)
  const [answer] = (await next(socket, 'data', ms)) as [Buffer]
  if (answer.toString('latin1') === 'N') {
    if (tls.optional) return socket
    throw tlsError('the server offers no TLS, which the sslmode of the URL demands')
  }
  // Bytes behind the S were injected before the encryption began (CVE-2021-23222).
  if (answer.toString('latin1') !== 'S')
    throw tlsError('the server does not speak the protocol of PostgreSQL')
  const encrypted = connect({ socket, host, ...settingsOf(host, tls) }).on('error', () => {})
  try {
    await next(encrypted, 'secureConnect', ms)
  } catch (error) {
    encrypted.destroy()
    throw tlsError(`TLS failed: ${(error as Error).message}`, error)
  }
  return encrypted
}

const settingsOf = (host: string, tls: TlsTarget): ConnectionOptions => ({
  ...(isIP(host) === 0 && { servername: host }),
  rejectUnauthorized: tls.verify !== 'nothing',
  ...(tls.verify !== 'host' && { checkServerIdentity: () => undefined }),
  ...(tls.rootCertificate && { ca: readFileSync(tls.rootCertificate) }),
  ...(tls.certificate && { cert: readFileSync(tls.certificate) }),
  ...(tls.key && { key: readFileSync(tls.key) }),
  ...(tls.keyPassword && { passphrase: tls.keyPassword }),
  ...(tls.minVersion && { minVersion: tls.minVersion }),
  ...(tls.maxVersion && { maxVersion: tls.maxVersion }),
})
