// The rules of the project's policy for a new password, which is checked before it is hashed. Imported hashes and passwords
// that are only verified are not subject to them.
import { hash } from 'node:crypto'
import type { Context } from '../context.ts'
import { AuthError, type PasswordFault } from '../errors.ts'
import { effectivePasswordPolicy } from '../projects/policy.ts'
import type { Project } from '../projects/projects.ts'
import { foldPassword, isCommonPassword } from './common-passwords.ts'

/** Known data of the account that gets a password, typed or stored. */
export interface PasswordOwner {
  readonly email?: string | null | undefined
  readonly displayName?: string | null | undefined
  readonly firstName?: string | null | undefined
  readonly lastName?: string | null | undefined
}

/** The sentence for each fault, the same in every API. */
export const passwordSentences: Readonly<Record<PasswordFault['reason'], (minLength: number) => string>> = {
  too_short: (minLength) => `Must have at least ${minLength} characters.`,
  common: () => 'Is one of the most common passwords, which are guessed first: choose another.',
  contextual: () => 'Must not be the e-mail address, a name, or the name of this service.',
  breached: () => 'Is known from a data breach, and will be guessed: choose another.',
}

/** The fault as a whole sentence, for texts without a field name. */
export function aboutPassword({ reason, minLength }: PasswordFault): string {
  const sentence = passwordSentences[reason](minLength)
  return `The password ${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`
}

/**
 * Checks a new password against the project's policy: its length, the list of common passwords, the data of its owner, and the
 * breached-password service if one is set. The result depends only on the arguments.
 * @throws AuthError password_refused
 */
export async function checkNewPassword(ctx: Context, password: string, owner: PasswordOwner): Promise<void> {
  const { min_length, common, breached_range_url: rangeUrl } = effectivePasswordPolicy(ctx.project.policy)
  if ([...password].length < min_length) refuse('too_short', min_length)
  if (common === 'refuse' && (await isCommonPassword(password))) refuse('common', min_length)
  checkPasswordOwner(ctx.project, password, owner)
  if (rangeUrl !== null && (await isBreached(ctx, rangeUrl, password))) refuse('breached', min_length)
}

/**
 * Checks the one rule that needs the account. For flows that read the account only after `checkNewPassword` and a proof.
 * @throws AuthError password_refused
 */
export function checkPasswordOwner(project: Project, password: string, owner: PasswordOwner): void {
  const { contextual, min_length } = effectivePasswordPolicy(project.policy)
  if (contextual === 'refuse' && isContextual(password, wordsOf(project, owner)))
    refuse('contextual', min_length)
}

function refuse(reason: PasswordFault['reason'], minLength: number): never {
  throw new AuthError('password_refused', { password: { reason, minLength } })
}

/** The words that a password must not equal. */
function wordsOf({ name, policy }: Project, { email, displayName, firstName, lastName }: PasswordOwner) {
  const local = email?.split('@')[0]
  const words = [email, local, local?.split('+')[0], displayName, firstName, lastName]
  const full = firstName && lastName ? [firstName + lastName, lastName + firstName] : []
  return [...words, ...full, name, policy.branding.name].filter((word) => typeof word === 'string')
}

/** A text without digits and punctuation at its ends, and without punctuation and spaces inside. */
const bareWord = (text: string) =>
  foldPassword(text)
    .replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '')
    .replace(/[^\p{L}\p{N}]+/gu, '')

function isContextual(password: string, words: readonly string[]): boolean {
  const whole = foldPassword(password).trim()
  const bare = bareWord(password)
  return words.some((word) => foldPassword(word).trim() === whole || (bare !== '' && bareWord(word) === bare))
}

/**
 * Queries the breached-password service with the first five hexadecimal digits of the SHA-1, so that it learns neither the
 * password nor its whole hash (k-anonymity).
 * @returns false also if the service cannot be reached
 */
async function isBreached({ services }: Context, rangeUrl: string, password: string): Promise<boolean> {
  const sha1 = hash('sha1', password.normalize('NFKC'), 'hex').toUpperCase()
  const suffixes = await services.breachedRange(rangeUrl, sha1.slice(0, 5))
  return suffixes?.has(sha1.slice(5)) ?? false
}
