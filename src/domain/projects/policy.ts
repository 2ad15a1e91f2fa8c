// A project's policy: the defaults, what an operator may change, and within which bounds.
import { FormatRegistry, type Static, type TProperties, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { decoyHash } from '../../crypto/foreign/foreign-hashes.ts'
import { signingAlgorithms } from '../../crypto/signing-key.ts'
import { isDomain, isLoopback, isObject, passwordLength } from '../../formats.ts'
import { ProblemsError } from '../errors.ts'
import { findListed, originProblem, redirectProblem } from './addresses.ts'
import { oldSystemProblems } from './old-system.ts'
import { problemLine } from './policy-sentences.ts'
import { providerPolicies, providerProblems } from './providers.ts'

// A web address of the application: the base of a client's links, or a logo.
FormatRegistry.Set(
  'web-url',
  (text) => /^https?:\/\//.test(text) && URL.canParse(text) && !new URL(text).username,
)
// A relying party id (WebAuthn §5.1.2): a domain in lower case, never an address of the network.
FormatRegistry.Set('domain', isDomain)
// The work of checking a hash of another product, such as bcrypt:12.
FormatRegistry.Set('hash-cost', (text) => decoyHash(text) !== null)
// RFC 3339 §5.6.
FormatRegistry.Set(
  'instant',
  (text) =>
    /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/.test(text) &&
    !Number.isNaN(Date.parse(text)),
)
FormatRegistry.Set('css-color', (text) => /^#[0-9a-f]{6}$/i.test(text))

const day = 86_400
const section = <T extends TProperties>(properties: T) =>
  Type.Object(properties, { additionalProperties: false })
/** An integer from `minimum` to `maximum`; the last argument is its default. */
const integer = (minimum: number, maximum: number, byDefault: number) =>
  Type.Integer({ minimum, maximum, default: byDefault })
const limit = (max: number, windowSeconds: number) =>
  section({ max: integer(1, 10_000_000, max), window_seconds: integer(1, day, windowSeconds) })
/** URLs and origins; `listProblems` says what is wrong with one. */
const addresses = Type.Array(Type.String({ maxLength: 2048 }), { maxItems: 1000, default: [] })
const oneOf = <const T extends string>(values: readonly T[], byDefault: NoInfer<T>) =>
  Type.Union(
    values.map((value) => Type.Literal(value)),
    { default: byDefault },
  )
const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()], { default: null })
const webUrl = Type.String({ format: 'web-url', maxLength: 2048 })

/** Kinds of imported hashes in one project. */
export const maxPasswordKinds = 8

/** Every key of a policy with its bounds and its default. */
export const policySchema = section({
  verification: section({
    mode: oneOf(['off', 'lenient', 'strict'], 'lenient'),
    delivery: oneOf(['email', 'app'], 'email'),
    resend_cooldown_seconds: integer(0, day, 60),
    lifetime_seconds: integer(1, 30 * day, day),
  }),
  tokens: section({
    access_seconds: integer(1, day, 900),
    refresh_seconds: integer(1, 730 * day, 30 * day),
    absolute_seconds: integer(1, 3650 * day, 90 * day),
    replay_grace_seconds: integer(0, 3600, 30),
    issuer: oneOf(['installation', 'project'], 'installation'),
    signing_algorithm: oneOf(signingAlgorithms, signingAlgorithms[0]),
  }),
  lockout: section({
    failures: integer(1, 1000, 5),
    window_seconds: integer(1, day, 900),
    base_seconds: integer(1, day, 60),
  }),
  passwords: section({
    min_length: integer(passwordLength.min, 128, passwordLength.min),
    common: oneOf(['refuse', 'allow'], 'refuse'),
    contextual: oneOf(['refuse', 'allow'], 'refuse'),
    breached_range_url: orNull(webUrl),
    preset: orNull(Type.Literal('nist-800-63b-4')),
  }),
  limits: section({
    credential: limit(30, 900),
    mail: limit(10, 3600),
    read: limit(600, 60),
    project: limit(60_000, 60),
  }),
  // Mails to one recipient, over all kinds and senders; notices to proven addresses may be four times as many.
  mail: section({
    per_recipient_hour: integer(3, 10_000, 10),
    per_recipient_day: integer(3, 100_000, 30),
  }),
  sessions: section({
    max_per_user: integer(1, 10_000, 100),
    notify_new_device: Type.Boolean({ default: true }),
  }),
  factors: section({
    required: oneOf(['never', 'admins', 'always'], 'never'),
    trusted_device_days: integer(0, 365, 30),
    email_code: Type.Boolean({ default: true }),
    reset_wait_hours: integer(0, 720, 24),
  }),
  // Whether strangers make accounts; closed: operators do.
  sign_up: oneOf(['open', 'closed'], 'open'),
  // Whether a mail alone signs people in, and whether it makes accounts.
  email_sign_in: oneOf(['off', 'existing', 'sign_up'], 'off'),
  // The products' APIs know no second factor: whether they let accounts in that have one.
  contracts: section({ without_second_factor: Type.Boolean({ default: false }) }),
  teams: section({
    max_per_user: integer(1, 1000, 100),
    max_members: integer(1, 1000, 200),
    max_invitations: integer(0, 1000, 100),
    invitation_seconds: integer(60, 90 * day, 7 * day),
  }),
  api_keys: section({ max_per_user: integer(0, 100, 25) }),
  deletion: section({ grace_seconds: integer(0, 365 * day, 0) }),
  branding: section({
    name: orNull(Type.String({ minLength: 1, maxLength: 100 })),
    logo_url: orNull(webUrl),
    color: Type.String({ format: 'css-color', default: '#1f5fbf' }),
    terms_url: orNull(webUrl),
    privacy_url: orNull(webUrl),
  }),
  origins: addresses,
  // How session cookies are kept: `none` for pages on another site than the service.
  cookies: section({
    same_site: oneOf(['lax', 'none'], 'lax'),
  }),
  // The whole addresses to which a link or a browser may be sent on behalf of the application.
  redirect_urls: addresses,
  // Where the links of clients that name their own base may begin.
  link_origins: addresses,
  redirect_to: orNull(Type.String({ maxLength: 2048 })),
  // A front end by the name it calls itself, where the links of its mail begin, and its name for people.
  clients: Type.Array(
    section({
      alias: Type.String({ pattern: '^[A-Za-z0-9][\\w.-]{0,63}$' }),
      url: webUrl,
      name: Type.Optional(Type.String({ minLength: 1, maxLength: 60 })),
    }),
    { maxItems: 100, default: [] },
  ),
  // Whether a user is told by mail that an operator acts as them.
  impersonation: section({ notify: Type.Boolean({ default: true }) }),
  audit: section({ retention_days: integer(1, 3650, 400) }),
  // How long programs that follow the feed may be away; deliveries of webhooks are tried for three days.
  events: section({ retention_days: integer(7, 3650, 30) }),
  // Whether receivers may have addresses of the own network, and be reached without TLS on the own host.
  webhooks: section({ allow_private_network: Type.Boolean({ default: false }) }),
  passkeys: section({
    // The domain that passkeys belong to; null: the host of PUBLIC_URL.
    rp_id: orNull(Type.String({ format: 'domain' })),
    // Pages on other domains that may use them (WebAuthn §5.11).
    related_origins: addresses,
    // The application's page for the account's passkeys, to which password managers lead.
    manage_url: orNull(webUrl),
  }),
  // Accounts that came from elsewhere.
  import: section({
    // What checking their hashes takes; a refused sign-in takes all of it.
    password_kinds: Type.Array(Type.String({ format: 'hash-cost', maxLength: 60 }), {
      maxItems: maxPasswordKinds,
      default: [],
    }),
    // Whether a failed sign-in to an account without a password sends the mail that sets one.
    set_password_mail: Type.Boolean({ default: false }),
    // The old system, which is asked for passwords of addresses without an account until an instant.
    verify_url: orNull(webUrl),
    verify_until: orNull(Type.String({ format: 'instant', maxLength: 40 })),
    verify_kind: oneOf(['json', 'password_grant'], 'json'),
    verify_client_id: orNull(Type.String({ minLength: 1, maxLength: 255 })),
    // The name of an environment variable; a policy is printed, so no secret belongs in it.
    verify_secret_env: orNull(Type.String({ pattern: '^IMPORT_SECRET_[A-Z0-9_]{1,64}$' })),
    // Whether it may have an address of the own network, and be reached without TLS on the own host.
    verify_private_network: Type.Boolean({ default: false }),
  }),
  reauthentication: section({ max_age_seconds: integer(1, day, 300) }),
  providers: providerPolicies,
})

export type Policy = Static<typeof policySchema>
export type LimitClass = keyof Policy['limits']

export const defaultPolicy: Policy = Value.Create(policySchema)

/** Thrown with every problem of a policy at once, each a line that names the key. */
export class PolicyError extends ProblemsError {
  override name = 'PolicyError'
}

function merge(base: unknown, over: unknown): unknown {
  if (over === undefined) return base
  if (!isObject(base) || !isObject(over)) return over
  const result = new Map<string, unknown>(Object.entries(base))
  for (const [key, value] of Object.entries(over))
    result.set(key, result.has(key) ? merge(result.get(key), value) : value)
  // Defines every key, where assigning would take "__proto__" for something else and hide it from the check.
  return Object.fromEntries(result)
}

/** Deep-merges a stored policy over the defaults; lists are replaced whole. */
export function mergePolicy(stored: unknown): Policy {
  return merge(defaultPolicy, stored) as Policy
}

/** Deep-merges what an operator wrote over what is stored; lists are replaced whole. Neither is checked. */
export const mergeStored = (stored: Record<string, unknown>, over: unknown): unknown =>
  isObject(over) ? merge(stored, over) : over

/** @returns the keys that `stored` sets and `next` does not, which therefore have their defaults again */
export function resetKeys(stored: unknown, next: unknown, before: readonly string[] = []): string[] {
  if (!isObject(stored)) return []
  return Object.entries(stored).flatMap(([key, value]) => {
    const path = [...before, key]
    if (!isObject(next) || !Object.hasOwn(next, key))
      return isObject(value) && Object.keys(value).length > 0 ? resetKeys(value, {}, path) : [path.join('.')]
    return resetKeys(value, next[key], path)
  })
}

/** What is wrong with the entries of the lists of addresses: an entry that could never match is refused. */
function listProblems({ origins, link_origins, redirect_urls, passkeys }: Policy): string[] {
  const lists = {
    origins: origins.map((text) => originProblem(text, true)),
    link_origins: link_origins.map((text) => originProblem(text, false)),
    redirect_urls: redirect_urls.map(redirectProblem),
    'passkeys.related_origins': passkeys.related_origins.map((text) => originProblem(text, false)),
  }
  return Object.entries(lists).flatMap(([key, problems]) =>
    problems.flatMap((problem, at) => (problem ? [`${key}.${at}: ${problem}`] : [])),
  )
}

/** What the schema cannot say: links lead to listed addresses, and an alias names one client. */
function linkProblems({ redirect_to, redirect_urls, link_origins, clients }: Policy): string[] {
  const problems: string[] = []
  if (redirect_to !== null && !findListed(redirect_urls, redirect_to))
    problems.push('redirect_to: must be listed in redirect_urls.')
  const aliases = clients.map(({ alias }) => alias)
  for (const [at, { alias, url }] of clients.entries()) {
    if (aliases.indexOf(alias) < at) problems.push(`clients.${at}.alias: names another client already.`)
    if (!link_origins.includes(new URL(url).origin))
      problems.push(`clients.${at}.url: its origin must be listed in link_origins.`)
  }
  return problems
}

/** NIST SP 800-63B-4 §3.1.1.2: characters of a password that is the only factor. */
const nistMinLength = 15

/** The password rules that are in force: those of the policy, or of its preset. */
export function effectivePasswordPolicy({ passwords }: Policy): Policy['passwords'] {
  if (passwords.preset === null) return passwords
  const min_length = Math.max(nistMinLength, passwords.min_length)
  return { ...passwords, min_length, common: 'refuse', contextual: 'refuse' }
}

/** What would not take effect: a value that the preset overrides, and a service that may not be called. */
function passwordProblems({ passwords }: Policy, value: Record<string, unknown>): string[] {
  const { preset, breached_range_url: url } = passwords
  const written = isObject(value.passwords) ? value.passwords : {}
  const problems: string[] = []
  if (preset !== null) {
    const { min_length: minLength } = written
    if (typeof minLength === 'number' && minLength < nistMinLength && minLength !== passwordLength.min)
      problems.push(`passwords.min_length: must be at least ${nistMinLength} with the preset ${preset}.`)
    for (const key of ['common', 'contextual'])
      if (written[key] === 'allow')
        problems.push(`passwords.${key}: must be refuse with the preset ${preset}.`)
  }
  if (url !== null && !url.startsWith('https:') && !isLoopback(new URL(url).hostname))
    problems.push('passwords.breached_range_url: must be https, or http on this host.')
  return problems
}

/** An account without a factor enrols one in a session. */
function factorProblems({ factors }: Policy): string[] {
  if (factors.required === 'never' || factors.email_code) return []
  return [
    `factors.email_code: must be true while factors.required is "${factors.required}": an account without a factor could not sign in to enrol one.`,
  ]
}

/** A refused sign-in takes the work of each kind once. */
function importProblems({ import: { password_kinds: kinds } }: Policy): string[] {
  return kinds.flatMap((kind, at) =>
    kinds.indexOf(kind) < at ? [`import.password_kinds.${at}: is named already.`] : [],
  )
}

/** A mail that makes accounts would not, where sign-up is closed. */
function signUpProblems({ sign_up, email_sign_in }: Policy): string[] {
  if (sign_up === 'open' || email_sign_in !== 'sign_up') return []
  return ['email_sign_in: must be off or existing while sign_up is "closed".']
}

/** Checks what an operator wrote; what is left out keeps its default. @throws PolicyError */
export function checkPolicy(value: unknown): Record<string, unknown> {
  if (!isObject(value)) throw new PolicyError(['The policy must be a JSON object.'])
  const merged = mergePolicy(value)
  /** The first problem of each key. */
  const problems = new Map<string, string>()
  for (const error of Value.Errors(policySchema, merged))
    if (!problems.has(error.path)) problems.set(error.path, problemLine(policySchema, error))
  if (problems.size > 0) throw new PolicyError([...problems.values()])
  const malformed = listProblems(merged)
  if (malformed.length > 0) throw new PolicyError(malformed)
  const related = [
    ...linkProblems(merged),
    ...passwordProblems(merged, value),
    ...factorProblems(merged),
    ...signUpProblems(merged),
    ...importProblems(merged),
    ...oldSystemProblems(merged),
    ...providerProblems(merged.providers),
  ]
  if (related.length > 0) throw new PolicyError(related)
  return value
}
