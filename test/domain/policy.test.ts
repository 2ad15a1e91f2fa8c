// Policy: merged over the defaults, refused with every problem at once, and no way around the schema.
import t from 'tap'
import {
  checkPolicy,
  defaultPolicy,
  effectivePasswordPolicy,
  mergePolicy,
  mergeStored,
  PolicyError,
  resetKeys,
} from '../../src/domain/projects/policy.ts'
import { providerOf } from '../../src/domain/projects/providers.ts'

function problemsOf(value: unknown): readonly string[] {
  try {
    checkPolicy(value)
    return []
  } catch (error) {
    if (error instanceof PolicyError) return error.problems
    throw error
  }
}

t.test('the defaults are the ones that operators were promised', async (t) => {
  t.same(defaultPolicy, {
    verification: {
      mode: 'lenient',
      delivery: 'email',
      resend_cooldown_seconds: 60,
      lifetime_seconds: 86_400,
    },
    tokens: {
      access_seconds: 900,
      refresh_seconds: 2_592_000,
      absolute_seconds: 7_776_000,
      replay_grace_seconds: 30,
      issuer: 'installation',
      signing_algorithm: 'ES256',
    },
    lockout: { failures: 5, window_seconds: 900, base_seconds: 60 },
    passwords: {
      min_length: 8,
      common: 'refuse',
      contextual: 'refuse',
      breached_range_url: null,
      preset: null,
    },
    limits: {
      credential: { max: 30, window_seconds: 900 },
      mail: { max: 10, window_seconds: 3600 },
      read: { max: 600, window_seconds: 60 },
      project: { max: 60_000, window_seconds: 60 },
    },
    mail: { per_recipient_hour: 10, per_recipient_day: 30 },
    sessions: { max_per_user: 100, notify_new_device: true },
    factors: { required: 'never', trusted_device_days: 30, email_code: true, reset_wait_hours: 24 },
    sign_up: 'open',
    email_sign_in: 'off',
    contracts: { without_second_factor: false },
    teams: { max_per_user: 100, max_members: 200, max_invitations: 100, invitation_seconds: 604_800 },
    api_keys: { max_per_user: 25 },
    deletion: { grace_seconds: 0 },
    branding: { name: null, logo_url: null, color: '#1f5fbf', terms_url: null, privacy_url: null },
    origins: [],
    cookies: { same_site: 'lax' },
    redirect_urls: [],
    link_origins: [],
    redirect_to: null,
    clients: [],
    impersonation: { notify: true },
    audit: { retention_days: 400 },
    events: { retention_days: 30 },
    webhooks: { allow_private_network: false },
    passkeys: { rp_id: null, related_origins: [], manage_url: null },
    import: {
      password_kinds: [],
      set_password_mail: false,
      verify_url: null,
      verify_until: null,
      verify_kind: 'json',
      verify_client_id: null,
      verify_secret_env: null,
      verify_private_network: false,
    },
    reauthentication: { max_age_seconds: 300 },
    providers: {},
  })
  t.same(problemsOf(defaultPolicy), [], 'and they pass their own check')
})

t.test('what is left out keeps its default, at every depth; lists are replaced whole', async (t) => {
  const merged = mergePolicy({
    verification: { mode: 'strict' },
    limits: { mail: { max: 3 } },
    origins: ['https://a.test'],
  })
  t.same(merged, {
    ...defaultPolicy,
    verification: { ...defaultPolicy.verification, mode: 'strict' },
    limits: { ...defaultPolicy.limits, mail: { max: 3, window_seconds: 3600 } },
    origins: ['https://a.test'],
  })
  t.same(mergePolicy({}), defaultPolicy)
  t.equal(defaultPolicy.verification.mode, 'lenient', 'the defaults are not written to')
})

t.test('only what was written is kept, so that later defaults reach old projects', async (t) => {
  t.same(checkPolicy({ tokens: { access_seconds: 60 } }), { tokens: { access_seconds: 60 } })
})

t.test('a lazy move has an end within a year, a secret, and TLS', async (t) => {
  const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString()
  const move = {
    verify_url: 'https://old.example.com/check',
    verify_until: inDays(90),
    verify_secret_env: 'IMPORT_SECRET_OLD',
  }
  const grant = { verify_kind: 'password_grant', verify_client_id: 'mover' }
  for (const fine of [
    move,
    { ...move, verify_until: '2026-01-01T00:00:00+02:00' },
    { ...move, ...grant, verify_secret_env: null },
    { ...move, verify_url: 'http://127.0.0.1:9/check', verify_private_network: true },
  ])
    t.same(problemsOf({ import: fine }), [])
  for (const [keys, problem] of [
    [{ verify_until: null }, /^import.verify_until: is required/],
    [{ verify_until: inDays(400) }, /^import.verify_until: must be within a year/],
    [{ verify_until: 'next summer' }, /^import.verify_until: must be an instant such as .*, or null/],
    [{ verify_url: 'http://old.example.com/check' }, /^import.verify_url: must be https/],
    [{ verify_url: 'http://127.0.0.1:9/check' }, /^import.verify_url: must be https/],
    [{ verify_url: null }, /^import.verify_until: needs import.verify_url/],
    [{ verify_secret_env: null }, /^import.verify_secret_env: is required/],
    [{ verify_secret_env: 'SECRET_KEY' }, /^import.verify_secret_env: /],
    [{ verify_client_id: 'mover' }, /^import.verify_client_id: is for the kind password_grant/],
    [{ verify_kind: 'password_grant' }, /^import.verify_client_id: is required/],
    [{ verify_kind: 'soap' }, /^import.verify_kind: must be "json" or "password_grant"/],
    [{ verify_uri: 'x' }, /^import.verify_uri: is not a key of a policy. Did you mean import.verify_url/],
  ] as const)
    t.match(problemsOf({ import: { ...move, ...keys } })[0], problem)
})

t.test('every problem is told at once, each a line that names the key', async (t) => {
  const problems = problemsOf({
    verification: { mode: 'sometimes' },
    tokens: { access_seconds: 0, refresh_seconds: '30' },
    lockout: { failures: 1.5 },
    colour: 'blue',
    limits: { read: { maximum: 1 } },
  })
  const keys = [
    'verification.mode',
    'tokens.access_seconds',
    'tokens.refresh_seconds',
    'lockout.failures',
    'colour',
    'limits.read.maximum',
  ]
  t.equal(problems.length, keys.length, problems.join('\n'))
  for (const key of keys)
    t.ok(
      problems.some((line) => line.startsWith(`${key}: `)),
      key,
    )
})

t.test('the domain of passkeys is a domain, and related origins are what a browser sends', async (t) => {
  for (const rp_id of ['example.com', 'auth.example.co.uk', 'localhost', 'xn--bcher-kva.example', null])
    t.same(problemsOf({ passkeys: { rp_id } }), [], String(rp_id))
  for (const rp_id of [
    'Example.com',
    'https://example.com',
    'example.com:443',
    '127.0.0.1',
    '[::1]',
    'com',
    '',
    'a..b',
    7,
  ])
    t.match(problemsOf({ passkeys: { rp_id } }), [/^passkeys.rp_id: must be a domain/], String(rp_id))
  t.same(problemsOf({ passkeys: { related_origins: ['https://example.de', 'http://localhost:5500'] } }), [])
  for (const origin of ['https://example.de/', 'example.de', 'https://*.example.de', 'capacitor://localhost'])
    t.match(
      problemsOf({ passkeys: { related_origins: [origin] } }),
      [/^passkeys.related_origins.0: /],
      origin,
    )
})

t.test('unknown keys are refused at every depth', async (t) => {
  for (const unknown of [
    { tokens: { access_second: 900 } },
    { verification: { Mode: 'off' } },
    { limits: { write: { max: 1, window_seconds: 1 } } },
    { providers: { google: { client_ids: ['a'], secret: 'x' } } },
    { providers: { Google: { client_ids: ['a'] } } },
    { '': 1 },
  ])
    t.equal(problemsOf(unknown).length, 1, JSON.stringify(unknown))
})

t.test('a key that a prototype has is an unknown key like any other, and changes no prototype', async (t) => {
  for (const text of [
    '{"__proto__": {"mode": "off"}}',
    '{"verification": {"__proto__": {"mode": "off"}}}',
    '{"constructor": {"prototype": {"polluted": true}}}',
    '{"toString": 1}',
  ]) {
    t.equal(problemsOf(JSON.parse(text)).length, 1, text)
    t.equal(({} as Record<string, unknown>).mode, undefined)
    t.equal(({} as Record<string, unknown>).polluted, undefined)
  }
  t.equal(
    mergePolicy(JSON.parse('{"verification": {"__proto__": {"mode": "off"}}}')).verification.mode,
    'lenient',
  )
})

t.test('every number has its bounds, and the bounds themselves are allowed', async (t) => {
  const bounds: [path: string, lowest: number, highest: number][] = [
    ['verification.resend_cooldown_seconds', 0, 86_400],
    ['verification.lifetime_seconds', 1, 2_592_000],
    ['tokens.access_seconds', 1, 86_400],
    ['tokens.refresh_seconds', 1, 63_072_000],
    ['tokens.absolute_seconds', 1, 315_360_000],
    ['tokens.replay_grace_seconds', 0, 3600],
    ['passwords.min_length', 8, 128],
    ['lockout.failures', 1, 1000],
    ['lockout.window_seconds', 1, 86_400],
    ['lockout.base_seconds', 1, 86_400],
    ['api_keys.max_per_user', 0, 100],
    ['limits.credential.max', 1, 10_000_000],
    ['limits.mail.window_seconds', 1, 86_400],
    ['mail.per_recipient_hour', 3, 10_000],
    ['mail.per_recipient_day', 3, 100_000],
    ['audit.retention_days', 1, 3650],
    ['events.retention_days', 7, 3650],
    ['reauthentication.max_age_seconds', 1, 86_400],
    ['teams.max_per_user', 1, 1000],
    ['teams.max_members', 1, 1000],
    ['teams.max_invitations', 0, 1000],
    ['teams.invitation_seconds', 60, 7_776_000],
  ]
  const at = (path: string, value: unknown) =>
    path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value)
  for (const [path, lowest, highest] of bounds) {
    for (const fine of [lowest, highest]) t.same(problemsOf(at(path, fine)), [], `${path} ${fine}`)
    for (const wrong of [lowest - 1, highest + 1, lowest + 0.5, `${lowest}`, null, true, [lowest]])
      t.match(problemsOf(at(path, wrong)), [new RegExp(`^${path}: `)], `${path} ${JSON.stringify(wrong)}`)
  }
})

t.test('an origin is what a browser sends, to the letter', async (t) => {
  const fine = [
    'https://app.example.com',
    'http://localhost:5173',
    'https://xn--bcher-kva.example',
    'http://[::1]:8080',
  ]
  t.same(problemsOf({ origins: fine, link_origins: fine }), [])
  for (const wrong of [
    'https://app.example.com/',
    'https://app.example.com:443',
    'https://APP.example.com',
    'app.example.com',
    '*',
    'null',
    'https://user@app.example.com',
    'ftp://app.example.com',
    'javascript:alert(1)',
    '',
    7,
  ])
    t.equal(problemsOf({ origins: [wrong] }).length, 1, JSON.stringify(wrong))
})

t.test('Google is switched on by its client alone, anybody else by an issuer', async (t) => {
  const client_ids = ['a client']
  const fine: Record<string, unknown>[] = [
    { google: { client_ids } },
    { apple: { client_ids }, microsoft: { client_ids }, gitlab: { client_ids } },
    { github: { client_ids, client_secret_env: 'SOCIAL_SECRET_GITHUB' } },
    { gitlab: { client_ids, issuer: 'https://gitlab.example.com' } },
    { acme: { client_ids, issuer: 'https://sso.example.com/realms/acme', enabled: false } },
    { acme: { client_ids, issuer: 'http://127.0.0.1:4000', allow_private_network: true } },
    { acme: { client_ids, issuer: 'https://sso.example.com', scopes: ['openid', 'email'] } },
  ]
  for (const providers of fine) t.same(problemsOf({ providers }), [], JSON.stringify(providers))
  const wrong: [providers: unknown, key: RegExp][] = [
    [{ google: {} }, /^providers\.google\.client_ids: /],
    [{ google: { client_ids: [] } }, /^providers\.google\.client_ids: /],
    [{ google: { client_ids, enabled: 'yes' } }, /^providers\.google\.enabled: /],
    [{ acme: { client_ids } }, /^providers\.acme\.issuer: is required/],
    [{ github: { client_ids } }, /^providers\.github\.client_secret_env: is required/],
    [
      { google: { client_ids, client_secret_env: 'DATABASE_URL' } },
      /^providers\.google\.client_secret_env: /,
    ],
    [{ acme: { client_ids, issuer: 'http://127.0.0.1:4000' } }, /^providers\.acme\.issuer: must be https/],
    [{ acme: { client_ids, issuer: 'http://sso.example.com' } }, /^providers\.acme\.issuer: /],
    [{ acme: { client_ids, issuer: 'https://u@sso.example.com' } }, /^providers\.acme\.issuer: /],
    [{ acme: { client_ids, issuer: 'https://sso.example.com?a=b' } }, /^providers\.acme\.issuer: /],
    [
      { acme: { client_ids, issuer: 'https://sso.example.com', scopes: ['a b'] } },
      /^providers\.acme\.scopes\.0: /,
    ],
  ]
  for (const [providers, key] of wrong) {
    const problems = problemsOf({ providers })
    t.equal(problems.length, 1, JSON.stringify(providers))
    t.match(problems[0], key)
  }
})

t.test('a secret that was written into a policy is refused and not repeated', async (t) => {
  for (const extra of [{ client_secret: 'hunter2' }, { client_secret_env: 'hunter2' }]) {
    const [problem = ''] = problemsOf({ providers: { google: { client_ids: ['a'], ...extra } } })
    t.match(problem, /client_secret/)
    t.notMatch(problem, /hunter2/)
  }
})

t.test('a provider is found by its own name and by nothing that a prototype has', async (t) => {
  const { providers } = mergePolicy({
    providers: { google: { client_ids: ['a'] }, gitlab: { client_ids: ['b'], enabled: false } },
  })
  t.match(providerOf(providers, 'google'), { issuer: 'https://accounts.google.com', clientIds: ['a'] })
  for (const name of ['gitlab', 'apple', 'constructor', '__proto__', 'toString', ''])
    t.equal(providerOf(providers, name), null, name)
  const own = { client_ids: ['a'], issuer: 'https://gitlab.example.com' }
  t.match(providerOf({ gitlab: own }, 'gitlab'), { issuer: own.issuer, discovery: own.issuer })
  const tenant = { client_ids: ['a'], issuer: 'https://login.microsoftonline.com/one/v2.0' }
  t.match(providerOf({ microsoft: tenant }, 'microsoft'), { issuer: tenant.issuer, discovery: tenant.issuer })
})

t.test('only an object is a policy', async (t) => {
  for (const wrong of [null, [], 'strict', 7, true, undefined])
    t.same(problemsOf(wrong), ['The policy must be a JSON object.'], JSON.stringify(wrong) ?? 'undefined')
  for (const section of [null, [], 'strict', 7]) t.ok(problemsOf({ tokens: section }).length > 0)
})

t.test('a client has an alias of its own and a URL on one of the link origins', async (t) => {
  const link_origins = ['https://a.test', 'http://localhost:5173']
  const a = { alias: 'VERIFIER', url: 'https://a.test/app' }
  const b = { alias: 'studio.v2', url: 'http://localhost:5173' }
  t.same(problemsOf({ link_origins, clients: [a, b] }), [])
  t.same(mergePolicy({ link_origins, clients: [a] }).clients, [a])
  const refused = (clients: unknown) =>
    problemsOf({ link_origins, clients }).map((line) => line.split(':')[0])
  t.same(refused([a, { ...b, alias: 'VERIFIER' }]), ['clients.1.alias'])
  t.same(refused([{ ...a, url: 'https://a.test.evil.test/app' }]), ['clients.0.url'])
  t.same(refused([{ ...a, url: 'https://a.test:8443/' }]), ['clients.0.url'])
  t.same(refused([{ ...a, url: 'javascript:alert(1)' }]), ['clients.0.url'])
  t.same(refused([{ ...a, url: 'https://user@a.test/' }]), ['clients.0.url'])
  t.same(refused([{ ...a, alias: 'no spaces' }]), ['clients.0.alias'])
  t.same(refused([{ ...a, secret: 'x' }]), ['clients.0.secret'])
  t.same(refused('VERIFIER'), ['clients'])
})

t.test('an unknown key is refused with the nearest one, a value with those that are allowed', async (t) => {
  const sentences: [policy: unknown, sentence: string][] = [
    [
      { verification: { mode: 'strikt' } },
      'verification.mode: must be "off", "lenient" or "strict" (found "strikt").',
    ],
    [{ cookies: { same_site: 'strict' } }, 'cookies.same_site: must be "lax" or "none" (found "strict").'],
    [
      { tokens: { access_second: 5 } },
      'tokens.access_second: is not a key of a policy. Did you mean tokens.access_seconds?',
    ],
    [{ Origins: [] }, 'Origins: is not a key of a policy. Did you mean origins?'],
    [{ mode: 'strict' }, 'mode: is not a key of a policy. Did you mean verification.mode?'],
    [{ redirect_uris: [] }, 'redirect_uris: is not a key of a policy. Did you mean redirect_urls?'],
    [{ xyzzy_plugh: 1 }, 'xyzzy_plugh: is not a key of a policy.'],
    [
      { providers: { google: { client_ids: ['a'], isuer: 'https://x.example' } } },
      'providers.google.isuer: is not a key of a policy. Did you mean providers.google.issuer?',
    ],
    [{ lockout: { failures: 1.5 } }, 'lockout.failures: must be a whole number from 1 to 1000 (found 1.5).'],
    [
      { sessions: { notify_new_device: 'yes' } },
      'sessions.notify_new_device: must be true or false (found "yes").',
    ],
    [
      { branding: { logo_url: 'x' } },
      'branding.logo_url: must be an http or https URL without user information, or null (found "x").',
    ],
  ]
  for (const [policy, sentence] of sentences) t.same(problemsOf(policy), [sentence])
  for (const text of ['constructor', '__proto__', 'a'.repeat(5000), 'a/b~c', ''])
    t.match(problemsOf(JSON.parse(`{${JSON.stringify(text)}: 1}`)), [/is not a key of a policy/])
})

t.test('merging keeps what it does not name; replacing tells what it resets', async (t) => {
  const stored = {
    verification: { mode: 'strict', delivery: 'app' },
    origins: ['https://a.test'],
    tokens: {},
  }
  t.same(mergeStored(stored, { verification: { mode: 'off' }, origins: [] }), {
    verification: { mode: 'off', delivery: 'app' },
    origins: [],
    tokens: {},
  })
  t.same(mergeStored(stored, {}), stored)
  t.same(mergeStored(stored, [1]), [1], 'what is no policy stays what it is, and is refused')
  t.same(resetKeys(stored, { verification: { mode: 'off' } }), ['verification.delivery', 'origins', 'tokens'])
  t.same(resetKeys(stored, {}), ['verification.mode', 'verification.delivery', 'origins', 'tokens'])
  t.same(resetKeys(stored, stored), [])
  t.same(resetKeys({}, stored), [])
})

t.test('password rules that could not take effect are refused', async (t) => {
  const preset = 'nist-800-63b-4'
  const refused = (passwords: object) => problemsOf({ passwords }).map((line) => line.split(':')[0])
  t.same(
    refused({ preset, min_length: 20, common: 'refuse', breached_range_url: 'https://hibp.test/range' }),
    [],
  )
  t.same(refused({ preset, min_length: 12 }), ['passwords.min_length'])
  t.same(refused({ preset, common: 'allow', contextual: 'allow' }), [
    'passwords.common',
    'passwords.contextual',
  ])
  t.same(refused({ preset: 'nist' }), ['passwords.preset'])
  t.same(refused({ breached_range_url: 'http://hibp.test/range' }), ['passwords.breached_range_url'])
  t.same(refused({ breached_range_url: 'ftp://hibp.test' }), ['passwords.breached_range_url'])
  t.same(refused({ breached_range_url: 'http://127.0.0.1:4000/range' }), [])
  t.match(effectivePasswordPolicy(mergePolicy({ passwords: { preset } })), {
    min_length: 15,
    common: 'refuse',
  })
  t.match(effectivePasswordPolicy(mergePolicy({ passwords: { preset, min_length: 20 } })), { min_length: 20 })
})

t.test('a second factor is not demanded where an account without one could enrol none', async (t) => {
  const problems = (factors: object) => problemsOf({ factors })
  t.match(problems({ required: 'always', email_code: false }), [/^factors\.email_code: must be true while/])
  t.same(problems({ required: 'always' }), [])
  t.same(problems({ email_code: false }), [])
  t.match(problems({ required: 'sometimes' }), [/"never", "admins" or "always"/])
  t.match(problems({ trusted_device_days: -1 }), [/whole number from 0 to 365/])
})
