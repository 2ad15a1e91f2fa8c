// Guards where the link of a mail leads: our own page, or a page that the project allows at this moment.
import t from 'tap'
import { defaultPolicy } from '../../src/domain/projects/policy.ts'
import { onRedirectList } from '../../src/domain/projects/redirects.ts'
import type { LanguageTag } from '../../src/formats.ts'
import { type LinkPurpose, mailLink } from '../../src/mail/links.ts'

const token = 'svt_a-b_c'
interface Given {
  readonly purpose?: LinkPurpose
  readonly redirects?: readonly (string | null | undefined)[]
  readonly redirectUrls?: string[]
  readonly language?: LanguageTag | null
}
const listed = [
  'https://app.example.com/a',
  'https://app.example.com/b',
  'http://localhost:5173/x',
  'https://app.example.com/p?x=1&token=stale&token=twice&type=other&y=a%20b#/reset',
]
/** The link as the mail job builds it: to the first redirect that is allowed. */
function link({ purpose = 'reset_password', redirects = [], language = null, ...given }: Given = {}) {
  const project = { policy: { ...defaultPolicy, redirect_urls: given.redirectUrls ?? listed } }
  const pages = redirects.flatMap((redirect) => onRedirectList(project, redirect ?? '') ?? [])
  const facts = { publicUrl: 'https://auth.example.com', projectId: 'p1', purpose, token, language }
  return mailLink(facts, pages[0] ?? null)
}

t.test('without a redirect a link leads to our own page of its purpose', async (t) => {
  t.equal(link(), 'https://auth.example.com/account/reset-password?project=p1&token=svt_a-b_c')
  t.match(link({ purpose: 'verify_email' }), '/account/verify-email?')
  t.match(link({ purpose: 'change_email' }), '/account/change-email?')
  t.match(link({ purpose: 'undo_email_change' }), '/account/undo-email-change?')
})

t.test('our own page is told the language of the mail; a page of the application is not', async (t) => {
  t.equal(
    link({ language: 'de' }),
    'https://auth.example.com/account/reset-password?project=p1&token=svt_a-b_c&lang=de',
  )
  const redirects = ['https://app.example.com/a']
  t.equal(link({ redirects, language: 'de' }), link({ redirects }))
})

t.test('the page that the request asked for comes before the one of the policy', async (t) => {
  const redirects = ['https://app.example.com/a', 'https://app.example.com/b']
  t.equal(link({ redirects }), 'https://app.example.com/a?type=reset_password&token=svt_a-b_c')
  t.match(link({ redirects: [undefined, null, 'http://localhost:5173/x'] }), 'http://localhost:5173/x?type=')
})

t.test('what the application wrote into its address stays, but for a type or a token', async (t) => {
  const redirects = ['https://app.example.com/p?x=1&token=stale&token=twice&type=other&y=a%20b#/reset']
  const url = new URL(link({ redirects }))
  t.equal(url.hash, '#/reset')
  t.same([...url.searchParams].sort(), [
    ['token', token],
    ['type', 'reset_password'],
    ['x', '1'],
    ['y', 'a b'],
  ])
})

t.test('a page that is not, or no longer, allowed is passed over', async (t) => {
  const tricks = [
    'https://evil.example/',
    'https://app.example.com.evil.example/',
    'https://app.example.com/',
    'https://app.example.com/a/',
    'https://app.example.com/a?x=1',
    'https://app.example.com:8443/',
    'http://app.example.com/',
    'https://app.example.com@evil.example/',
    'https://user:pass@app.example.com/',
    'https://user@app.example.com/',
    'https:\\\\evil.example\\@app.example.com',
    '//app.example.com/',
    'javascript:alert(1)//https://app.example.com',
    'data:text/html,https://app.example.com',
    'blob:https://app.example.com/1',
    '',
  ]
  for (const trick of tricks) t.match(link({ redirects: [trick] }), /^https:\/\/auth\.example\.com\//, trick)
  t.match(link({ redirects: ['https://app.example.com/a'], redirectUrls: [] }), 'auth.example.com')
})
