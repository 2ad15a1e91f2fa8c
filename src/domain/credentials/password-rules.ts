// The rules for a new password, by the project's policy. Whatever sets a password asks here before it hashes one; a hash that is
// imported, and a password that is only checked, are not subject to them.
import { createHash } from 'node:crypto'
import type { Context } from '../context.ts'
import { AuthError, type PasswordFault } from '../errors.ts'
import { effectivePasswordPolicy } from '../projects/policy.ts'
import type { Project } from '../projects/projects.ts'
import { foldPassword, isCommonPassword } from './common-passwords.ts'

/** The account that a password is for, as far as it is known: what was typed, or what was proven. */
export interface PasswordOwner {
  readonly email?: string | null | undefined
  readonly displayName?: string | null | undefined
  readonly firstName?: string | null | undefined
  readonly lastName?: string | null | undefined
}

/** The sentence for each fault; every edge shows the same. */
export const passwordSentences: Readonly<Record<PasswordFault['reason'], (minLength: number) => string>> = {
  too_short: (minLength) => `Must have at least ${minLength} characters.`,
  common: () => 'Is one of the most common passwords, which are guessed first: choose another.',
  contextual: () => 'Must not be the e-mail address, a name, or the name of this service.',
  breached: () => 'Is known from a data breach, and will be guessed: choose another.',
}

/** The same as a whole sentence, where no field says what it is about. */
export function aboutPassword({ reason, minLength }: PasswordFault): string {
  const sentence = passwordSentences[reason](minLength)
  return `The password ${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`
}

/**
 * Checks a new password by the project's policy: its length, the list of common passwords, what is known of its owner, and
 * the breached-password service where one is set. What it answers depends only on the arguments.
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
 * The one rule that needs the account: for a caller who has proven it, after `checkNewPassword` was asked with what they typed.
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

/** The words that a password must not be. */
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
 * Asks the breached-password service by the first five characters of the SHA-1, so that it learns neither the password nor its
 * whole hash (k-anonymity). False where it cannot be asked.
 */
async function isBreached({ services }: Context, rangeUrl: string, password: string): Promise<boolean> {
  const hash = createHash('sha1').update(password.normalize('NFKC'), 'utf8').digest('hex').toUpperCase()
  const suffixes = await services.breachedRange(rangeUrl, hash.slice(0, 5))
  return suffixes?.has(hash.slice(5)) ?? false
}
