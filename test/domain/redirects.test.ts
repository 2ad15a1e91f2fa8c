// Where links and browsers may be sent: addresses that a policy lists, compared whole, and entries that could never match.
import t from 'tap'
import { checkPolicy, defaultPolicy, PolicyError } from '../../src/domain/projects/policy.ts'
import { onRedirectList } from '../../src/domain/projects/redirects.ts'

const listed = [
  'https://app.example.com/in',
  'https://app.example.com/in?from=mail',
  'https://app.example.com/join/*',
  'https://tenant.example.com/*?embed=1',
  'https://bare.example.com',
  'https://spa.example.com/#/reset',
  'http://localhost:5173/cb',
  'https://xn--bcher-kva.example/willkommen',
  'myapp://callback',
  'com.example.app:/cb',
  'myapp://open/*',
]
const project = { policy: { ...defaultPolicy, redirect_urls: listed } }
const leads = (address: string) => onRedirectList(project, address)?.href ?? null

function problemsOf(policy: unknown): readonly string[] {
  try {
    checkPolicy(policy)
    return []
  } catch (error) {
    if (error instanceof PolicyError) return error.problems
    throw error
  }
}

t.test('a listed address is found in every spelling that means the same', async (t) => {
  for (const [address, right] of [
    ['https://app.example.com/in', 'https://app.example.com/in'],
    ['HTTPS://APP.example.COM/in', 'https://app.example.com/in'],
    ['https://app.example.com:443/in', 'https://app.example.com/in'],
    ['https://app.example.com/in?from=mail', 'https://app.example.com/in?from=mail'],
    ['https://bare.example.com', 'https://bare.example.com/'],
    ['https://bare.example.com/', 'https://bare.example.com/'],
    ['https://spa.example.com/#/reset', 'https://spa.example.com/#/reset'],
    ['http://localhost:5173/cb', 'http://localhost:5173/cb'],
    ['https://bücher.example/willkommen', 'https://xn--bcher-kva.example/willkommen'],
    ['myapp://callback', 'myapp://callback'],
    ['MYAPP://callback', 'myapp://callback'],
    ['com.example.app:/cb', 'com.example.app:/cb'],
    ['https://app.example.com/join/rockets', 'https://app.example.com/join/rockets'],
    ['https://app.example.com/join/a%20b', 'https://app.example.com/join/a%20b'],
    ['https://tenant.example.com/acme?embed=1', 'https://tenant.example.com/acme?embed=1'],
    ['myapp://open/team', 'myapp://open/team'],
  ] as const)
    t.equal(leads(address), right, address)
})

t.test('whatever differs by more than its spelling, or hides what it is, leads nowhere', async (t) => {
  for (const address of [
    '',
    ' ',
    '/in',
    '//app.example.com/in',
    'app.example.com/in',
    'https:app.example.com/in',
    'https:/app.example.com/in',
    'https:///app.example.com/in',
    'https:\\\\app.example.com\\in',
    'https://app.example.com\\in',
    ' https://app.example.com/in',
    'https://app.example.com/in\n',
    'https://app.exa\tmple.com/in',
    'https://app.example.com/in/',
    'https://app.example.com/IN',
    'https://app.example.com//in',
    'https://app.example.com/%69n',
    'https://app.example.com/in/../in',
    'https://app.example.com/./in',
    'https://app.example.com/x/%2e%2e/in',
    'https://app.example.com/x/.%2E/in',
    'https://app.example.com/in?',
    'https://app.example.com/in#',
    'https://app.example.com/in#x',
    'https://app.example.com/in?from=mail&x=1',
    'https://app.example.com/in?from=MAIL',
    'https://app.example.com./in',
    'https://app.example.com.:443/in',
    'https://app%2eexample.com/in',
    'https://app.example.com:8443/in',
    'https://app.example.com:80/in',
    'http://app.example.com/in',
    'https://app.example.com.evil.example/in',
    'https://app.example.com@evil.example/in',
    'https://user@app.example.com/in',
    'https://user:password@app.example.com/in',
    'https://@app.example.com/in',
    'https://sub.app.example.com/in',
    'https://app.example.com/join',
    'https://app.example.com/join/',
    'https://app.example.com/join/a/b',
    'https://app.example.com/join/a%2fb',
    'https://app.example.com/join/a%5Cb',
    'https://app.example.com/join/..',
    'https://app.example.com/join/%2e%2e',
    'https://app.example.com/join/a?x=1',
    'https://app.example.com/join/a#x',
    'https://tenant.example.com/acme',
    'https://tenant.example.com/acme?embed=1&x=2',
    'https://spa.example.com/#/other',
    'myapp://callback/',
    'myapp://Callback',
    'myapp:callback',
    'myapp:/callback',
    'com.example.app://cb',
    'com.example.app:/cb?x=1',
    'javascript:alert(1)//https://app.example.com/in',
    'data:text/html,https://app.example.com/in',
    'blob:https://app.example.com/in',
  ])
    t.equal(leads(address), null, JSON.stringify(address))
})

t.test('an empty list leads nowhere, whatever link_origins says', async (t) => {
  const bare = { policy: { ...defaultPolicy, link_origins: ['https://app.example.com'] } }
  t.equal(onRedirectList(bare, 'https://app.example.com/'), null)
})

t.test('an entry of redirect_urls that could match nothing, or anything, is refused by name', async (t) => {
  t.same(problemsOf({ redirect_urls: listed }), [])
  const wrong: [entry: string, sentence: RegExp][] = [
    ['*', /a \* may stand only for the whole last segment/],
    ['https://*', /may stand only/],
    ['https://*.example.com/in', /may stand only/],
    ['https://app.example.com/*/in', /may stand only/],
    ['https://app.example.com/in*', /may stand only/],
    ['https://app.example.com/**', /may stand only/],
    ['https://app.example.com/in?x=*', /may stand only/],
    ['HTTPS://app.example.com/in', /write "https:\/\/app\.example\.com\/in"/],
    ['https://App.example.com/*', /write "https:\/\/app\.example\.com\/\*"/],
    ['https://app.example.com:443/in', /write "https:\/\/app\.example\.com\/in"/],
    ['https://bücher.example/', /write "https:\/\/xn--bcher-kva\.example\/"/],
    ['https://app.example.com./in', /must be a whole URL/],
    ['https://user@app.example.com/in', /must be a whole URL/],
    ['https://app.example.com/a/../in', /must be a whole URL/],
    ['https://app.example.com/a%2fb', /must be a whole URL/],
    ['/in', /must be a whole URL/],
    ['', /must be a whole URL/],
    ['javascript:alert(1)', /must be a whole URL/],
    ['javascript://app.example.com/in', /must be a whole URL/],
    ['data:text/html,x', /must be a whole URL/],
    ['file:///etc/passwd', /must be a whole URL/],
  ]
  for (const [entry, sentence] of wrong) {
    const problems = problemsOf({ redirect_urls: ['https://fine.example.com/', entry] })
    t.equal(problems.length, 1, entry)
    t.match(problems[0], /^redirect_urls\.1: /)
    t.match(problems[0], sentence)
  }
  t.match(problemsOf({ redirect_urls: 'https://app.example.com/in' }), [/^redirect_urls: /])
  t.match(problemsOf({ redirect_urls: [7] }), [/^redirect_urls\.0: /])
})

t.test('redirect_to is on the list, or is refused', async (t) => {
  const redirect_urls = ['https://app.example.com/in', 'https://app.example.com/join/*']
  for (const fine of ['https://app.example.com/in', 'https://app.example.com/join/us'])
    t.same(problemsOf({ redirect_urls, redirect_to: fine }), [], fine)
  for (const wrong of ['https://app.example.com/', 'https://evil.example/in', 'x', 'javascript:alert(1)'])
    t.same(problemsOf({ redirect_urls, redirect_to: wrong }), [
      'redirect_to: must be listed in redirect_urls.',
    ])
  t.equal(problemsOf({ link_origins: ['https://app.example.com'], redirect_to: redirect_urls[0] }).length, 1)
})

t.test('an origin that no browser sends is refused with the one that it does send', async (t) => {
  const fine = [
    'https://app.example.com',
    'capacitor://localhost',
    'tauri://localhost',
    'ionic://localhost',
    'http://tauri.localhost',
    'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
  ]
  t.same(problemsOf({ origins: fine }), [])
  const wrong: [entry: string, sentence: RegExp][] = [
    ['https://*.example.com', /a pattern matches nothing: list each origin/],
    ['https://app.example.com/', /write "https:\/\/app\.example\.com"/],
    ['https://app.example.com/in', /write "https:\/\/app\.example\.com"/],
    ['https://APP.example.com', /write "https:\/\/app\.example\.com"/],
    ['https://app.example.com:443', /write "https:\/\/app\.example\.com"/],
    ['http://app.example.com:80', /write "http:\/\/app\.example\.com"/],
    ['https://bücher.example', /write "https:\/\/xn--bcher-kva\.example"/],
    ['capacitor://localhost/', /write "capacitor:\/\/localhost"/],
    ['app.example.com', /must be an origin such as/],
    ['https://user@app.example.com', /must be an origin such as/],
    ['file:///', /must be an origin such as/],
    ['null', /must be an origin such as/],
    ['', /must be an origin such as/],
  ]
  for (const [entry, sentence] of wrong) {
    const problems = problemsOf({ origins: [entry] })
    t.equal(problems.length, 1, entry)
    t.match(problems[0], /^origins\.0: /)
    t.match(problems[0], sentence, entry)
  }
  t.match(problemsOf({ link_origins: ['capacitor://localhost'] }), [/^link_origins\.0: must be an origin/])
})
