// A client's address has one form before it is compared or counted, whatever a proxy writes; unreadable ones count as one.
import t from 'tap'
import {
  addressPrefix,
  canonicalAddress,
  clientAddress,
  countedAddress,
  trustOf,
} from '../../src/http/address.ts'
import { type Answer, startTestApp } from '../support/app.ts'

/** Spellings of one IPv4 address, and of one IPv6 address, that proxies are known to write. */
const spellings = {
  '203.0.113.8': [
    '203.0.113.8',
    ' 203.0.113.8\t',
    '203.0.113.8:80',
    '203.0.113.8:65535',
    '203.0.113.8:',
    '"203.0.113.8"',
    '"203.0.113.8:4711"',
    '::ffff:203.0.113.8',
    '::FFFF:cb00:7108',
    '0:0:0:0:0:ffff:203.0.113.8',
    '[::ffff:203.0.113.8]:4711',
    '"[::ffff:cb00:7108%eth0]:1"',
  ],
  '2001:db8:1:2::a': [
    '2001:db8:1:2::a',
    '2001:DB8:1:2:0:0:0:A',
    '2001:0db8:0001:0002:0000:0000:0000:000a',
    '2001:db8:1:2::0.0.0.10',
    '[2001:db8:1:2::a]',
    '[2001:db8:1:2::a]:443',
    '"[2001:db8:1:2::a]:50123"',
    '"2001:db8:1:2::a"',
    '2001:db8:1:2::a%eth0',
    '[2001:db8:1:2::a%25en1]:443',
  ],
}
const unreadable = [
  '',
  ' ',
  'unknown',
  '_hidden',
  '"_SEVKISEK:4711"',
  '203.0.113',
  '203.0.113.8.9',
  '203.0.113.256',
  '0313.0.0161.8',
  '0xcb.0.113.8',
  '3405803784',
  '203.0.113.8:port',
  '203.0.113.8:123456',
  '203.0.113.8 203.0.113.9',
  '2001:db8:1:2:3:4:5:6:443',
  '2001:db8::1::2',
  '[2001:db8::1',
  '2001:db8::1]:80',
  '[203.0.113.8]',
  'for=203.0.113.8',
  'client.example.com',
  '٢٠٣.٠.١١٣.٨',
  `${' '.repeat(200)}203.0.113.8`,
]
const proxies = trustOf(['127.0.0.1', '10.0.0.0/8', 'fd00::/8', '::ffff:192.0.2.0/120'])

t.test('every spelling of an address is read as that address', async (t) => {
  for (const [address, written] of Object.entries(spellings))
    for (const text of written) t.equal(canonicalAddress(text), address, text)
  for (const text of unreadable) t.equal(canonicalAddress(text), null, JSON.stringify(text))
})

t.test('a proxy is trusted in every spelling, and by the range that was named alone', async (t) => {
  for (const peer of ['127.0.0.1', '::ffff:127.0.0.1', '10.255.0.1', 'fd12::1%eth0', '192.0.2.9'])
    t.equal(clientAddress(peer, '198.51.100.1, 203.0.113.8:9', proxies), '203.0.113.8', peer)
  for (const peer of ['11.0.0.1', '127.0.0.2', 'fc00::1', '::ffff:192.0.3.1'])
    t.equal(clientAddress(peer, '198.51.100.1', proxies), canonicalAddress(peer), peer)
})

t.test(
  'the rightmost entry that is no proxy decides; where it cannot be read, the client is unknown',
  async (t) => {
    const of = (header: string | undefined) => clientAddress('127.0.0.1', header, proxies)
    t.equal(of(undefined), '127.0.0.1')
    t.equal(of('203.0.113.8:1, [::ffff:10.1.2.3]:443, "10.9.9.9:80"'), '203.0.113.8')
    t.equal(of('10.1.1.1, 10.2.2.2'), '10.1.1.1', 'where all are proxies, the first of them')
    for (const text of unreadable) {
      t.equal(of(`203.0.113.8, ${text}`), null, 'what is left of it was written by anybody')
      t.equal(of(`${text}, 203.0.113.8`), '203.0.113.8')
    }
    t.equal(clientAddress(undefined, '203.0.113.8', proxies), null, 'a socket that is gone')
  },
)

t.test('no text makes a client of its own: it is one address, or the unknown one', async (t) => {
  const pieces = [
    '203.0.113.8',
    '2001:db8:1:2::a',
    '::ffff:',
    ':',
    '[',
    ']',
    '"',
    '%',
    ' ',
    '1',
    'f',
    '.',
    'é',
    '\0',
    '\\',
    ';',
  ]
  // A fixed sequence (a linear congruential generator), so that a failure can be repeated.
  let seed = 20_261_130
  const next = (below: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return seed % below
  }
  for (let turn = 0; turn < 50_000; turn++) {
    const text = Array.from({ length: 1 + next(7) }, () => pieces[next(pieces.length)]).join('')
    const address = canonicalAddress(text)
    if (address === null) {
      if (countedAddress(address) !== 'unknown') t.fail(text)
    } else if (
      canonicalAddress(address) !== address ||
      countedAddress(address) === 'unknown' ||
      !addressPrefix(address)
    )
      t.fail(JSON.stringify({ text, address }))
  }
})

t.test('behind a proxy that writes ports and zones', async (t) => {
  const app = await startTestApp(t, { env: { TRUSTED_PROXIES: '127.0.0.1' } })
  let turn = 0
  const guess = (email: string, address: string): Promise<Answer> =>
    app.api('POST', '/login', {
      headers: { 'x-forwarded-for': address },
      body: { email, password: 'a wrong password' },
    })
  const locksOut = async (t: { same(found: unknown, wanted: unknown): unknown }, address: () => string) => {
    const { email } = await app.signUp()
    const statuses: number[] = []
    for (let i = 0; i < 6; i++) statuses.push((await guess(email, address())).status)
    t.same(statuses, [401, 401, 401, 401, 401, 429])
  }
  await t.test('a changing port is no other client', (t) => locksOut(t, () => `203.0.113.8:${++turn + 1024}`))
  await t.test('nor one on IPv6', (t) => locksOut(t, () => `"[2001:db8::${++turn}]:${turn + 1024}"`))
  await t.test('nor another spelling', (t) => {
    const all = spellings['203.0.113.8']
    return locksOut(t, () => all[++turn % all.length] ?? '')
  })
  await t.test('what cannot be read counts together, and is told once', async (t) => {
    await locksOut(t, () => `_client${++turn}`)
    const told = app.logs.filter(({ msg }) => /X-Forwarded-For/.test(String(msg)))
    t.equal(told.length, 1)
  })
  await t.test('the session shows the network that it was opened from', async (t) => {
    const { email, password } = await app.signUp()
    const headers = { 'x-forwarded-for': '198.51.100.77:50505' }
    const { body } = await app.api('POST', '/login', { headers, body: { email, password } })
    const list = await app.api('GET', '/sessions', {
      headers: { authorization: `Bearer ${body.access_token}` },
    })
    const current = list.body.data.find((session: { current: boolean }) => session.current)
    t.equal(current.address_prefix, '198.51.100.0/24')
  })
})
