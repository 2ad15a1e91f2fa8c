// The sign-in providers of a policy: the settings of an operator, completed by presets of well-known providers.
import { FormatRegistry, type Static, Type } from '@sinclair/typebox'
import { isLoopback } from '../../formats.ts'
import type { Provider } from '../../social/profile.ts'

// An issuer exactly as its tokens spell it (OpenID Connect Core §2): https, or http on the loopback interface.
FormatRegistry.Set('issuer', (text) => {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  const plain = !url.username && !url.password && !/[?#]/.test(text)
  return plain && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)))
})

const optional = Type.Optional
const providerPolicy = Type.Object(
  {
    enabled: optional(Type.Boolean()),
    type: optional(Type.Union([Type.Literal('openid'), Type.Literal('github')])),
    issuer: optional(Type.String({ format: 'issuer', maxLength: 255 })),
    client_ids: Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { minItems: 1, maxItems: 20 }),
    client_secret_env: optional(
      Type.String({
        pattern: '^SOCIAL_SECRET_[A-Z0-9_]{1,64}$',
        description: 'The name of an environment variable; a policy is printed, so no secret belongs in it.',
      }),
    ),
    scopes: optional(
      Type.Array(Type.String({ pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]{1,100}$' }), { maxItems: 20 }),
    ),
    allow_private_network: optional(Type.Boolean()),
    // required: a token with a nonce is refused if the request does not contain that nonce.
    nonce: optional(Type.Union([Type.Literal('required'), Type.Literal('optional')])),
  },
  { additionalProperties: false },
)

/** The section `providers` of a policy, by a name that the operator chooses and that URLs and requests contain. */
export const providerPolicies = Type.Record(
  Type.String({ pattern: '^[a-z][a-z0-9_-]{0,31}$' }),
  providerPolicy,
  { additionalProperties: false, default: {} },
)

export type ProviderPolicies = Static<typeof providerPolicies>

type Preset = { readonly label: string } & Pick<Provider, 'kind' | 'issuer'> &
  Partial<Pick<Provider, 'issuerAliases' | 'discovery' | 'scopes' | 'codeFlow'>>

/** Well-known providers. A policy names an `issuer` for a self-hosted installation or a single tenant. */
const presets: Readonly<Record<string, Preset>> = {
  google: {
    label: 'Google',
    kind: 'openid',
    issuer: 'https://accounts.google.com',
    issuerAliases: ['accounts.google.com'],
  },
  // Apple returns the browser by a cross-site POST if an e-mail address is requested; our SameSite cookie is not sent with it.
  apple: {
    label: 'Apple',
    kind: 'openid',
    issuer: 'https://appleid.apple.com',
    codeFlow: false,
  },
  microsoft: {
    label: 'Microsoft',
    kind: 'openid',
    issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0',
    discovery: 'https://login.microsoftonline.com/common/v2.0',
  },
  gitlab: { label: 'GitLab', kind: 'openid', issuer: 'https://gitlab.com' },
  github: {
    label: 'GitHub',
    kind: 'github',
    issuer: 'https://github.com',
    scopes: ['read:user', 'user:email'],
  },
}

const presetOf = (name: string): Preset | undefined =>
  Object.hasOwn(presets, name) ? presets[name] : undefined

/** The display name of a provider. */
export const labelOf = (name: string): string => presetOf(name)?.label ?? name

/** The issuer of a provider's identities, from the policy or the preset; null: unknown, or different for each tenant. */
export function issuerOf(policies: ProviderPolicies, name: string): string | null {
  const issuer =
    (Object.hasOwn(policies, name) ? policies[name]?.issuer : undefined) ?? presetOf(name)?.issuer
  return issuer && !issuer.includes('{') ? issuer : null
}

/** Checks keys that depend on each other. @returns sentences that name the key */
export function providerProblems(policies: ProviderPolicies): string[] {
  const problems: string[] = []
  for (const [name, policy] of Object.entries(policies)) {
    const preset = presetOf(name)
    const kind = policy.type ?? preset?.kind ?? 'openid'
    const say = (key: string, sentence: string) => problems.push(`providers.${name}.${key}: ${sentence}`)
    if (!policy.issuer && preset?.kind !== kind)
      say('issuer', `is required; it is known for ${Object.keys(presets).join(', ')} alone.`)
    if (policy.issuer?.startsWith('http:') && !policy.allow_private_network)
      say('issuer', 'must be https; http needs allow_private_network, and is for this host alone.')
    if (kind === 'github' && !policy.client_secret_env)
      say('client_secret_env', 'is required: without the secret, GitHub does not say for whom a token is.')
  }
  return problems
}

/** Finds a provider by its name; null: the policy has none of that name, or has disabled it. */
export function providerOf(policies: ProviderPolicies, name: string): Provider | null {
  const policy = Object.hasOwn(policies, name) ? policies[name] : undefined
  if (!policy || policy.enabled === false) return null
  const given = presetOf(name)
  const kind = policy.type ?? given?.kind ?? 'openid'
  const preset = given?.kind === kind ? given : undefined
  const issuer = policy.issuer ?? preset?.issuer
  if (!issuer) return null
  const own = issuer === preset?.issuer ? preset : undefined
  return {
    name,
    kind,
    issuer,
    issuerAliases: own?.issuerAliases ?? [],
    discovery: own?.discovery ?? issuer,
    clientIds: policy.client_ids,
    clientSecretEnv: policy.client_secret_env ?? null,
    scopes: policy.scopes ??
      (kind === 'github' ? presets.github?.scopes : undefined) ?? ['openid', 'email', 'profile'],
    allowPrivateNetwork: policy.allow_private_network ?? false,
    // Google's SDK for iOS adds a nonce that the application does not learn.
    requiresNonce: (policy.nonce ?? (name === 'google' ? 'optional' : 'required')) === 'required',
    codeFlow: own?.codeFlow ?? true,
  }
}
