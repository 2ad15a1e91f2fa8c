// The policy of a project: its keys with their defaults and bounds.
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

// An http or https URL, such as the base of a client's links, or a logo.
FormatRegistry.Set(
  'web-url',
  (text) => /^https?:\/\//.test(text) && URL.canParse(text) && !new URL(text).username,
)
// A relying party id (WebAuthn §5.1.2): a domain in lower case, not an IP address.
FormatRegistry.Set('domain', isDomain)
// Kind and cost of an imported password hash, such as bcrypt:12.
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
const integer = (minimum: number, maximum: number, byDefault: number) =>
  Type.Integer({ minimum, maximum, default: byDefault })
const limit = (max: number, windowSeconds: number) =>
  section({ max: integer(1, 10_000_000, max), window_seconds: integer(1, day, windowSeconds) })
/** URLs and origins, which `listProblems` checks. */
const addresses = Type.Array(Type.String({ maxLength: 2048 }), { maxItems: 1000, default: [] })
const oneOf = <const T extends string>(values: readonly T[], byDefault: NoInfer<T>) =>
  Type.Union(
    values.map((value) => Type.Literal(value)),
    { default: byDefault },
  )
const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()], { default: null })
const webUrl = Type.String({ format: 'web-url', maxLength: 2048 })

/** Kinds of imported password hashes in one project at most. */
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
  // Mails to one recipient, of all kinds and by all senders. Notices to proven addresses have four times this limit.
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
  // open: anyone can create an account; closed: only operators can.
  sign_up: oneOf(['open', 'closed'], 'open'),
  // Sign-in by a mail alone: off, for existing accounts, or also creating accounts.
  email_sign_in: oneOf(['off', 'existing', 'sign_up'], 'off'),
  // The APIs of other products have no second factor: whether accounts with a second factor can sign in there without it.
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
  // SameSite of session cookies: `none` is for pages on another site than the service.
  cookies: section({
    same_site: oneOf(['lax', 'none'], 'lax'),
  }),
  // Complete URLs of the application to which links and redirects may lead.
  redirect_urls: addresses,
  // Origins of links of clients that name their own base URL.
  link_origins: addresses,
  redirect_to: orNull(Type.String({ maxLength: 2048 })),
  // A front end: the alias by which it identifies itself, the base URL of its links, and its display name.
  clients: Type.Array(
    section({
      alias: Type.String({ pattern: '^[A-Za-z0-9][\\w.-]{0,63}$' }),
      url: webUrl,
      name: Type.Optional(Type.String({ minLength: 1, maxLength: 60 })),
    }),
    { maxItems: 100, default: [] },
  ),
  // Whether a mail notifies a user when an operator acts as them.
  impersonation: section({ notify: Type.Boolean({ default: true }) }),
  audit: section({ retention_days: integer(1, 3650, 400) }),
  // How long events are kept for programs that read the feed. Webhook deliveries are retried for three days.
  events: section({ retention_days: integer(7, 3650, 30) }),
  // Whether receivers may be in the service's own network, and use plain http on its own host.
  webhooks: section({ allow_private_network: Type.Boolean({ default: false }) }),
  passkeys: section({
    // Relying party id (WebAuthn §5.1.2); null: the host of PUBLIC_URL.
    rp_id: orNull(Type.String({ format: 'domain' })),
    // Origins on other domains whose pages may use the passkeys (WebAuthn §5.11).
    related_origins: addresses,
    // The application's page for managing passkeys, to which password managers link.
    manage_url: orNull(webUrl),
  }),
  // Accounts imported from another system.
  import: section({
    // Kinds and costs of imported password hashes. A refused sign-in does the work of each of them.
    password_kinds: Type.Array(Type.String({ format: 'hash-cost', maxLength: 60 }), {
      maxItems: maxPasswordKinds,
      default: [],
    }),
    // Whether a failed sign-in to an account without a password sends a mail with which the user sets one.
    set_password_mail: Type.Boolean({ default: false }),
    // The old system, which checks passwords of addresses without an account until `verify_until`.
    verify_url: orNull(webUrl),
    verify_until: orNull(Type.String({ format: 'instant', maxLength: 40 })),
    verify_kind: oneOf(['json', 'password_grant'], 'json'),
    verify_client_id: orNull(Type.String({ minLength: 1, maxLength: 255 })),
    // The name of an environment variable. Policies are printed, so they contain no secrets.
    verify_secret_env: orNull(Type.String({ pattern: '^IMPORT_SECRET_[A-Z0-9_]{1,64}$' })),
    // Whether the old system may be in the service's own network, and use plain http on its own host.
    verify_private_network: Type.Boolean({ default: false }),
  }),
  reauthentication: section({ max_age_seconds: integer(1, day, 300) }),
  providers: providerPolicies,
})

export type Policy = Static<typeof policySchema>
export type LimitClass = keyof Policy['limits']

export const defaultPolicy: Policy = Value.Create(policySchema)

/** Thrown with all problems of a policy, one line each that names the key. */
export class PolicyError extends ProblemsError {
  override name = 'PolicyError'
}

function merge(base: unknown, over: unknown): unknown {
  if (over === undefined) return base
  if (!isObject(base) || !isObject(over)) return over
  const result = new Map<string, unknown>(Object.entries(base))
  for (const [key, value] of Object.entries(over))
    result.set(key, result.has(key) ? merge(result.get(key), value) : value)
  // Unlike an assignment, this defines "__proto__" as an ordinary key, so that the check finds and refuses it.
  return Object.fromEntries(result)
}

/** Deep-merges a stored policy over the defaults. Lists are replaced as a whole. */
export function mergePolicy(stored: unknown): Policy {
  return merge(defaultPolicy, stored) as Policy
}

/** Deep-merges a written policy over the stored one, without a check. Lists are replaced as a whole. */
export const mergeStored = (stored: Record<string, unknown>, over: unknown): unknown =>
  isObject(over) ? merge(stored, over) : over

/** Lists the keys that `stored` sets and `next` does not, which are therefore reset to their defaults. */
export function resetKeys(stored: unknown, next: unknown, before: readonly string[] = []): string[] {
  if (!isObject(stored)) return []
  return Object.entries(stored).flatMap(([key, value]) => {
    const path = [...before, key]
    if (!isObject(next) || !Object.hasOwn(next, key))
      return isObject(value) && Object.keys(value).length > 0 ? resetKeys(value, {}, path) : [path.join('.')]
    return resetKeys(value, next[key], path)
  })
}

/** Checks the lists of addresses; an entry that could never match is refused. */
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

/** Checks that links lead to listed addresses, and that each alias names one client. */
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

/** Minimum length of a password that is the only factor (NIST SP 800-63B-4 §3.1.1.2). */
const nistMinLength = 15

/** The effective password rules: those of the policy, raised to those of its preset. */
export function effectivePasswordPolicy({ passwords }: Policy): Policy['passwords'] {
  if (passwords.preset === null) return passwords
  const min_length = Math.max(nistMinLength, passwords.min_length)
  return { ...passwords, min_length, common: 'refuse', contextual: 'refuse' }
}

/** Checks for settings without effect: values that the preset overrides, and a service that may not be called. */
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

/** Checks that accounts without a second factor can sign in to enrol one. */
function factorProblems({ factors }: Policy): string[] {
  if (factors.required === 'never' || factors.email_code) return []
  return [
    `factors.email_code: must be true while factors.required is "${factors.required}": an account without a factor could not sign in to enrol one.`,
  ]
}

/** Checks that each kind of hash is listed once. */
function importProblems({ import: { password_kinds: kinds } }: Policy): string[] {
  return kinds.flatMap((kind, at) =>
    kinds.indexOf(kind) < at ? [`import.password_kinds.${at}: is named already.`] : [],
  )
}

/** Checks that sign-in by mail creates no accounts while sign-up is closed. */
function signUpProblems({ sign_up, email_sign_in }: Policy): string[] {
  if (sign_up === 'open' || email_sign_in !== 'sign_up') return []
  return ['email_sign_in: must be off or existing while sign_up is "closed".']
}

/** Checks a written policy; keys that are left out have their defaults. @returns the policy as written @throws PolicyError */
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
