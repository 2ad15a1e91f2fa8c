// Time-based one-time passwords (RFC 6238) as authenticator apps compute them: HMAC-SHA-1, six digits, steps of 30 seconds.
import { HOTP, Secret, TOTP } from 'otpauth'

const digits = 6
const stepSeconds = 30
/** Steps before and after the current one whose codes are accepted, because clocks differ and people type slowly. */
const driftSteps = 1

/** Bytes of a secret: the length of the hash (RFC 4226 §4, R6). */
const secretBytes = 20

/** Mints a secret. @returns its bytes */
export const mintTotpSecret = (): Buffer => Buffer.from(new Secret({ size: secretBytes }).buffer)

const secretOf = (bytes: Buffer) =>
  // A copy: the bytes of a small Buffer are a part of a larger one.
  new Secret({ buffer: new Uint8Array(bytes).buffer })

/** A secret in base32 (RFC 4648 §6), to be typed. */
export const printTotpSecret = (bytes: Buffer): string => secretOf(bytes).base32

/** Reads a secret in base32, as people and other products write it. @returns null if it is not 10 to 64 bytes in base32 */
export function readTotpSecret(text: string): Buffer | null {
  const bare = text.replace(/[\s-]/g, '').replace(/=+$/, '').toUpperCase()
  if (!/^[A-Z2-7]{16,103}$/.test(bare)) return null
  return Buffer.from(Secret.fromBase32(bare).buffer)
}

/**
 * The URI that an authenticator app reads from a QR code.
 * @param bytes the secret
 * @param issuer name of the service in the app
 * @param label name of the account in the app
 * @see https://github.com/google/google-authenticator/wiki/Key-Uri-Format
 */
export function otpauthUri(bytes: Buffer, issuer: string, label: string): string {
  // In the URI, a colon separates issuer and label.
  const [issuedBy, of] = [issuer, label].map((text) => text.replaceAll(':', ' '))
  return new TOTP({
    issuer: issuedBy,
    label: of,
    secret: secretOf(bytes),
    digits,
    period: stepSeconds,
  }).toString()
}

/** The code of a counter (RFC 4226 §5.3). */
export const hotpCode = (bytes: Buffer, counter: number): string =>
  HOTP.generate({ secret: secretOf(bytes), counter, digits })

/** The step of an instant (RFC 6238 §4.2). */
export const totpStep = (at: Date): number => Math.floor(at.getTime() / 1000 / stepSeconds)

/**
 * Finds the step that a code belongs to, among the current one and its neighbours.
 * @param code six digits
 * @returns null if it belongs to none
 */
export function findTotpStep(bytes: Buffer, code: string, at: Date): number | null {
  const step = totpStep(at)
  const delta = HOTP.validate({
    token: code,
    secret: secretOf(bytes),
    counter: step,
    window: driftSteps,
    digits,
  })
  return delta === null ? null : step + delta
}
