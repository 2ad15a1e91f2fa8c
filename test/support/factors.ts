// A user with an authenticator app.
import { Secret } from 'otpauth'
import { hotpCode, totpStep } from '../../src/crypto/totp.ts'
import { type Answer, bearer, type TestApp } from './app.ts'
import type { ReadMail } from './mailbox.ts'

export interface Authenticator {
  readonly secret: string
  readonly recoveryCodes: readonly string[]
  /** The code of the current time step, or of one `offset` steps away. */
  code(steps?: number): string
  /** A code that is invalid now. */
  wrong(): string
}

export function authenticatorOf(secret: string, recoveryCodes: readonly string[] = []): Authenticator {
  const bytes = Buffer.from(Secret.fromBase32(secret).buffer)
  const code = (steps = 0) => hotpCode(bytes, totpStep(new Date()) + steps)
  const wrong = () => {
    const near = [-3, -2, -1, 0, 1, 2, 3].map(code)
    return ['000000', '111111', '222222', '333333', '444444', '555555', '666666', '777777'].find(
      (each) => !near.includes(each),
    ) as string
  }
  return { secret, recoveryCodes, code, wrong }
}

/** Marks the address of an account as proven by its holder, like typing the mailed code in the session. */
export async function proveHolder(app: TestApp, email: string): Promise<void> {
  await app.sql`update users set email_verified_at = now(), email_proof = 'holder' where email = ${email}`
}

/** Lets used codes of an account's authenticator be used again, so that no test waits half a minute. */
export async function renewSteps(app: TestApp, email: string): Promise<void> {
  await app.sql`update totp_factors set last_step = 0
    where user_id in (select id from users where email = ${email})`
}

/** Enrols an authenticator, in the session whose tokens the answer has. */
export async function enrolTotp(app: TestApp, who: Answer, email: string): Promise<Authenticator> {
  await proveHolder(app, email)
  const headers = bearer(who)
  const proposed = await app.api('POST', '/factors/totp', { headers })
  if (proposed.status !== 201) throw new Error(`no proposal: ${JSON.stringify(proposed.body)}`)
  const { secret } = proposed.body
  const confirmed = await app.api('POST', '/factors/totp/confirm', {
    headers,
    body: { code: authenticatorOf(secret).code() },
  })
  if (confirmed.status !== 200) throw new Error(`not confirmed: ${JSON.stringify(confirmed.body)}`)
  await renewSteps(app, email)
  return authenticatorOf(secret, confirmed.body.recovery_codes)
}

/** A new user with an authenticator. */
export async function newPerson(app: TestApp, facts: Record<string, unknown> = {}) {
  const signedUp = await app.signUp(facts)
  const authenticator = await enrolTotp(app, signedUp, signedUp.email)
  return { ...signedUp, authenticator }
}

/** Waits for the newest mail of a kind to an address. */
export async function mailOfKind(app: TestApp, email: string, kind: string): Promise<ReadMail> {
  const until = Date.now() + 20_000
  for (;;) {
    const found = (await app.mailbox.all()).findLast((mail) => mail.to === email && mail.kind === kind)
    if (found) return found
    if (Date.now() > until) throw new Error(`no mail ${kind} to ${email}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
