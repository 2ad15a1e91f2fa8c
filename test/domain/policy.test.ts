// Policy: merged over the defaults, refused with every problem at once, and no way around the schema.
import t from 'tap'
import { checkPolicy, defaultPolicy, mergePolicy, PolicyError } from '../../src/domain/policy.ts'
import { providerOf } from '../../src/domain/providers.ts'

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
    },
    lockout: { failures: 5, window_seconds: 900, base_seconds: 60 },
    limits: {
      credential: { max: 30, window_seconds: 900 },
      mail: { max: 10, window_seconds: 3600 },
      read: { max: 600, window_seconds: 60 },
      project: { max: 60_000, window_seconds: 60 },
    },
    sessions: { max_per_user: 100, notify_new_device: true },
    teams: { max_per_user: 100, max_members: 200, max_invitations: 100, invitation_seconds: 604_800 },
    api_keys: { max_per_user: 25 },
    deletion: { grace_seconds: 0 },
    branding: { name: null, logo_url: null, color: '#1f5fbf' },
    origins: [],
    link_origins: [],
    redirect_to: null,
    clients: [],
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
    ['lockout.failures', 1, 1000],
    ['lockout.window_seconds', 1, 86_400],
    ['lockout.base_seconds', 1, 86_400],
    ['api_keys.max_per_user', 0, 100],
    ['limits.credential.max', 1, 10_000_000],
    ['limits.mail.window_seconds', 1, 86_400],
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
