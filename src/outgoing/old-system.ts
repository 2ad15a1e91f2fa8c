// Checks a password with the system from which a project migrates: one guarded call, bounded in size, time and number. The functions
// return a verdict for any response of that system, and do not throw.
import { randomBytes } from 'node:crypto'
import { normalizeEmail } from '../formats.ts'
import { CallFailed, guardedFetch } from './guarded-fetch.ts'

/** Milliseconds for all calls of one sign-in. */
const oldSystemDeadlineMs = 3000

/** Concurrent sign-ins of one process that call the same host; a further one fails at once. */
const maxAtOnce = 16

const maxAnswerBytes = 16 * 1024

export interface OldSystem {
  readonly url: string
  /** `json`: an endpoint written for the migration. `password_grant`: a token endpoint (RFC 6749 §4.3) that issues an id_token. */
  readonly kind: 'json' | 'password_grant'
  /** Of the password grant; null otherwise. */
  readonly clientId: string | null
  /** Name of the environment variable with our secret; null: a public client of the password grant. */
  readonly secretEnv: string | null
  readonly allowPrivateNetwork: boolean
}

interface GivenPassword {
  /** Normalized. */
  readonly email: string
  /** As it was typed. */
  readonly password: string
}

/** `failed`: no response, or an invalid one. `reason` is a sentence without a secret or a part of the response. */
export type OldSystemVerdict =
  | { readonly kind: 'right'; readonly person: Readonly<Record<string, unknown>> }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'failed'; readonly reason: string }

/** Checks a password. `accepts_any_password`: the system also accepts a random password for the same address. */
export type OldSystemCheck = (
  system: OldSystem,
  given: GivenPassword,
) => Promise<OldSystemVerdict | { readonly kind: 'accepts_any_password' }>

const failed = (reason: string): OldSystemVerdict => ({ kind: 'failed', reason })

/** A password that no account has. */
export const randomPassword = (): string => randomBytes(24).toString('base64url')

type Secrets = Readonly<Record<string, string>>

/** Headers and body of the call. @throws CallFailed if the policy names a secret that is not set */
function requestFor({ kind, clientId, secretEnv }: OldSystem, given: GivenPassword, secrets: Secrets) {
  const secret = secretEnv !== null && Object.hasOwn(secrets, secretEnv) ? secrets[secretEnv] : undefined
  if (secretEnv !== null && !secret) throw new CallFailed(`The environment variable ${secretEnv} is not set.`)
  const { email, password } = given
  if (kind === 'json')
    return {
      headers: { 'content-type': 'application/json', ...(secret && { authorization: `Bearer ${secret}` }) },
      body: JSON.stringify({ email, password }),
    }
  const form = new URLSearchParams({ grant_type: 'password', username: email, password })
  form.set('scope', 'openid email profile')
  // Id and secret are form-encoded before they are joined (RFC 6749 §2.3.1).
  const encoded = (text: string) => new URLSearchParams({ v: text }).toString().slice(2)
  const basic = secret && Buffer.from(`${encoded(clientId ?? '')}:${encoded(secret)}`).toString('base64')
  if (!basic) form.set('client_id', clientId ?? '')
  return {
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      ...(basic && { authorization: `Basic ${basic}` }),
    },
    body: form.toString(),
  }
}

function objectIn(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

/** Whether a response refuses this address and password, as opposed to our request. */
function isRefusal(kind: OldSystem['kind'], status: number, body: Record<string, unknown> | null): boolean {
  if (kind === 'json') return [401, 403, 404, 422].includes(status)
  // Keycloak refuses a wrong password with 401 and Auth0 with 403. `invalid_client` and others are errors of the configuration.
  return [400, 401, 403].includes(status) && body?.error === 'invalid_grant'
}

/**
 * The claims of the id_token in a token response. The signature is not checked: the token comes directly from the token endpoint
 * over TLS (OpenID Connect Core §3.1.3.7, item 6).
 */
function claimsOf(body: Record<string, unknown>, clientId: string | null): Record<string, unknown> | null {
  const { id_token: token } = body
  if (typeof token !== 'string') return null
  const claims = objectIn(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
  if (!claims || ![claims.aud].flat().includes(clientId)) return null
  return {
    email: claims.email,
    email_verified: claims.email_verified,
    first_name: claims.given_name,
    last_name: claims.family_name,
    display_name: claims.name,
    sub: claims.sub,
  }
}

/** Checks a password with one call. @param timeoutMs milliseconds for the whole call @param secrets by the name of their variable */
export async function askOldSystem(
  system: OldSystem,
  given: GivenPassword,
  { secrets, timeoutMs = oldSystemDeadlineMs }: { readonly secrets: Secrets; readonly timeoutMs?: number },
): Promise<OldSystemVerdict> {
  const { host } = new URL(system.url)
  try {
    const { allowPrivateNetwork } = system
    const request = requestFor(system, given, secrets)
    const response = await guardedFetch(system.url, {
      method: 'POST',
      allowPrivateNetwork,
      timeoutMs,
      ...request,
    })
    const text = await response.text()
    if (Buffer.byteLength(text) > maxAnswerBytes) return failed(`${host} sent more than 16 KiB.`)
    const body = objectIn(text)
    if (isRefusal(system.kind, response.status, body)) return { kind: 'wrong' }
    if (response.status !== 200) return failed(`${host} answered ${response.status}.`)
    if (!body) return failed(`${host} sent no JSON object.`)
    const person = system.kind === 'json' ? body : claimsOf(body, system.clientId)
    if (!person) return failed(`${host} sent no id_token for the client ${system.clientId}.`)
    if (typeof person.email !== 'string' || normalizeEmail(person.email) !== given.email)
      return failed(`${host} answered for another address than it was asked for, or for none.`)
    return { kind: 'right', person }
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error
    return failed(error.message)
  }
}

interface OldSystemOptions {
  readonly secrets: Secrets
  /** Called when the system fails or accepts every password; once until it works again. The sentence holds no secret. */
  readonly onTrouble: (host: string, reason: string) => void
}

/** Creates the check with its limits, which count the calls of this process. */
export function createOldSystemCheck({ secrets, onTrouble }: OldSystemOptions): OldSystemCheck {
  const asking = new Map<string, number>()
  const troubles = new Map<string, string>()

  function report<V extends Awaited<ReturnType<OldSystemCheck>>>(host: string, verdict: V): V {
    const reason =
      verdict.kind === 'failed'
        ? verdict.reason
        : verdict.kind === 'accepts_any_password'
          ? `${host} takes a random password.`
          : null
    if (reason === null) troubles.delete(host)
    else if (troubles.get(host) !== reason) {
      troubles.set(host, reason)
      onTrouble(host, reason)
    }
    return verdict
  }

  async function check(system: OldSystem, given: GivenPassword) {
    const endsAt = performance.now() + oldSystemDeadlineMs
    const ask = (password: string) => {
      const timeoutMs = Math.max(1, Math.round(endsAt - performance.now()))
      return askOldSystem(system, { ...given, password }, { secrets, timeoutMs })
    }
    const first = await ask(given.password)
    if (first.kind !== 'right') return first
    // A system that ignores the password would let anyone sign in to any account.
    const second = await ask(randomPassword())
    if (second.kind === 'right') return { kind: 'accepts_any_password' } as const
    return second.kind === 'wrong' ? first : second
  }

  return async (system, given) => {
    const { host } = new URL(system.url)
    const now = asking.get(host) ?? 0
    if (now >= maxAtOnce)
      return report(host, failed(`${host} is asked by ${maxAtOnce} sign-ins at once already.`))
    asking.set(host, now + 1)
    try {
      return report(host, await check(system, given))
    } finally {
      const left = (asking.get(host) ?? 1) - 1
      if (left > 0) asking.set(host, left)
      else asking.delete(host)
    }
  }
}
