// A project's policy: the defaults, what an operator may change, and within which bounds.
import { FormatRegistry, type Static, type TProperties, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { providerPolicies, providerProblems } from './providers.ts'

// A web origin (RFC 6454) exactly as a browser sends it, so that comparing is comparing strings.
FormatRegistry.Set(
  'origin',
  (text) => /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text,
)

const day = 86_400
const section = <T extends TProperties>(properties: T) =>
  Type.Object(properties, { additionalProperties: false })
const seconds = (minimum: number, maximum: number) => Type.Integer({ minimum, maximum })
const limit = section({
  max: Type.Integer({ minimum: 1, maximum: 10_000_000 }),
  window_seconds: seconds(1, day),
})
const origins = Type.Array(Type.String({ format: 'origin' }), { maxItems: 1000 })

const sections = {
  verification: section({
    mode: Type.Union([Type.Literal('off'), Type.Literal('lenient'), Type.Literal('strict')]),
    delivery: Type.Union([Type.Literal('email'), Type.Literal('app')]),
    resend_cooldown_seconds: seconds(0, day),
    lifetime_seconds: seconds(1, 30 * day),
  }),
  tokens: section({
    access_seconds: seconds(1, day),
    refresh_seconds: seconds(1, 730 * day),
    absolute_seconds: seconds(1, 3650 * day),
    replay_grace_seconds: seconds(0, 3600),
    issuer: Type.Union([Type.Literal('installation'), Type.Literal('project')]),
  }),
  lockout: section({
    failures: Type.Integer({ minimum: 1, maximum: 1000 }),
    window_seconds: seconds(1, day),
    base_seconds: seconds(1, day),
  }),
  limits: section({ credential: limit, mail: limit, read: limit, project: limit }),
}

// Where mail links lead instead of our own pages: a page of the application, on one of link_origins.
FormatRegistry.Set(
  'web-url',
  (text) => /^https?:\/\//.test(text) && URL.canParse(text) && !new URL(text).username,
)
FormatRegistry.Set('css-color', (text) => /^#[0-9a-f]{6}$/i.test(text))

const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const webUrl = Type.String({ format: 'web-url', maxLength: 2048 })

// A front end by the name it calls itself, and where the links of its mail begin.
const client = section({ alias: Type.String({ pattern: '^[A-Za-z0-9][\\w.-]{0,63}$' }), url: webUrl })

const policySchema = section({
  ...sections,
  sessions: section({
    max_per_user: Type.Integer({ minimum: 1, maximum: 10_000 }),
    notify_new_device: Type.Boolean(),
  }),
  teams: section({
    max_per_user: Type.Integer({ minimum: 1, maximum: 1000 }),
    max_members: Type.Integer({ minimum: 1, maximum: 1000 }),
    max_invitations: Type.Integer({ minimum: 0, maximum: 1000 }),
    invitation_seconds: seconds(60, 90 * day),
  }),
  api_keys: section({ max_per_user: Type.Integer({ minimum: 0, maximum: 100 }) }),
  deletion: section({ grace_seconds: seconds(0, 365 * day) }),
  branding: section({
    name: orNull(Type.String({ minLength: 1, maxLength: 100 })),
    logo_url: orNull(webUrl),
    color: Type.String({ format: 'css-color' }),
  }),
  origins,
  link_origins: origins,
  redirect_to: orNull(webUrl),
  clients: Type.Array(client, { maxItems: 100 }),
  reauthentication: section({ max_age_seconds: seconds(1, day) }),
  providers: providerPolicies,
})

export type Policy = Static<typeof policySchema>
export type LimitClass = keyof Policy['limits']

export const defaultPolicy: Policy = {
  verification: { mode: 'lenient', delivery: 'email', resend_cooldown_seconds: 60, lifetime_seconds: day },
  tokens: {
    access_seconds: 900,
    refresh_seconds: 30 * day,
    absolute_seconds: 90 * day,
    replay_grace_seconds: 30,
    issuer: 'installation',
  },
  lockout: { failures: 5, window_seconds: 900, base_seconds: 60 },
  limits: {
    credential: { max: 30, window_seconds: 900 },
    mail: { max: 10, window_seconds: 3600 },
    read: { max: 600, window_seconds: 60 },
    project: { max: 60_000, window_seconds: 60 },
  },
  sessions: { max_per_user: 100, notify_new_device: true },
  teams: { max_per_user: 100, max_members: 200, max_invitations: 100, invitation_seconds: 7 * day },
  api_keys: { max_per_user: 25 },
  deletion: { grace_seconds: 0 },
  branding: { name: null, logo_url: null, color: '#1f5fbf' },
  origins: [],
  link_origins: [],
  redirect_to: null,
  clients: [],
  reauthentication: { max_age_seconds: 300 },
  providers: {},
}

/** Thrown with every problem of a policy at once, each a line that names the key. */
export class PolicyError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'PolicyError'
    this.problems = problems
  }
}

function merge(base: unknown, over: unknown): unknown {
  if (over === undefined) return base
  const objects = [base, over].every(
    (side) => typeof side === 'object' && side !== null && !Array.isArray(side),
  )
  if (!objects) return over
  const result = new Map<string, unknown>(Object.entries(base as object))
  for (const [key, value] of Object.entries(over as object))
    result.set(key, result.has(key) ? merge(result.get(key), value) : value)
  // Defines every key, where assigning would take "__proto__" for something else and hide it from the check.
  return Object.fromEntries(result)
}

/** Deep-merges a stored policy over the defaults; lists are replaced whole. */
export function mergePolicy(stored: unknown): Policy {
  return merge(defaultPolicy, stored) as Policy
}

/** What the schema cannot say: links lead to listed origins, and an alias names one client. */
function linkProblems({ redirect_to, link_origins, clients }: Policy): Map<string, string> {
  const problems = new Map<string, string>()
  const leads = [{ key: 'redirect_to', url: redirect_to }]
  const aliases = clients.map(({ alias }) => alias)
  for (const [at, { alias, url }] of clients.entries()) {
    leads.push({ key: `clients.${at}.url`, url })
    if (aliases.indexOf(alias) < at)
      problems.set(`clients.${at}.alias`, `clients.${at}.alias: names another client already.`)
  }
  for (const { key, url } of leads)
    if (url !== null && !link_origins.includes(new URL(url).origin))
      problems.set(key, `${key}: its origin must be listed in link_origins.`)
  return problems
}

/**
 * Checks what an operator wrote: policy keys only, each within its bounds; what is left out keeps its default.
 * @throws PolicyError
 */
export function checkPolicy(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new PolicyError(['The policy must be a JSON object.'])
  const problems = new Map<string, string>()
  for (const { path, message, value: found } of Value.Errors(policySchema, mergePolicy(value))) {
    const key = path.slice(1).replaceAll('/', '.')
    // A secret that was written where none belongs is not repeated on a screen.
    const shown = /secret/i.test(key) ? '' : ` (found ${JSON.stringify(found)})`
    if (!problems.has(key)) problems.set(key, `${key}: ${message}${shown}.`)
  }
  const merged = mergePolicy(value)
  if (problems.size === 0)
    for (const [key, said] of [...linkProblems(merged), ...providerProblems(merged.providers)])
      problems.set(key, said)
  if (problems.size > 0) throw new PolicyError([...problems.values()])
  return value as Record<string, unknown>
}
