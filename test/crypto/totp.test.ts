// One-time passwords on the vectors of RFC 4226 (appendix D) and RFC 6238 (appendix B, SHA-1).
import t from 'tap'
import {
  findTotpStep,
  hotpCode,
  mintTotpSecret,
  otpauthUri,
  printTotpSecret,
  totpStep,
} from '../../src/crypto/totp.ts'

const secret = Buffer.from('12345678901234567890', 'ascii')

t.test('the ten codes of RFC 4226', async (t) => {
  const codes = '755224 287082 359152 969429 338314 254676 287922 162583 399871 520489'.split(' ')
  t.same(
    codes.map((_, counter) => hotpCode(secret, counter)),
    codes,
  )
})

t.test('the codes of RFC 6238, of which ours are the last six digits', async (t) => {
  const vectors: readonly [seconds: number, code: string][] = [
    [59, '94287082'],
    [1_111_111_109, '07081804'],
    [1_111_111_111, '14050471'],
    [1_234_567_890, '89005924'],
    [2_000_000_000, '69279037'],
    [20_000_000_000, '65353130'],
  ]
  for (const [seconds, code] of vectors) {
    const at = new Date(seconds * 1000)
    t.equal(hotpCode(secret, totpStep(at)), code.slice(2), String(seconds))
    t.equal(findTotpStep(secret, code.slice(2), at), Math.floor(seconds / 30))
  }
})

t.test('one step early or late is accepted and named, two are not', async (t) => {
  const at = new Date(1_800_000_000_000)
  const step = totpStep(at)
  for (const drift of [-1, 0, 1])
    t.equal(findTotpStep(secret, hotpCode(secret, step + drift), at), step + drift)
  for (const drift of [-2, 2]) t.equal(findTotpStep(secret, hotpCode(secret, step + drift), at), null)
})

t.test('a secret has 160 bits, and its URI is what authenticator apps read', async (t) => {
  const minted = mintTotpSecret()
  t.equal(minted.length, 20)
  t.notSame(minted, mintTotpSecret())
  const uri = new URL(otpauthUri(secret, 'Acme: & Co', 'ada@example.com'))
  t.equal(uri.protocol, 'otpauth:')
  t.equal(uri.searchParams.get('secret'), printTotpSecret(secret))
  t.equal(uri.searchParams.get('issuer'), 'Acme  & Co')
  t.match(uri.href, /^otpauth:\/\/totp\/.*ada.*example\.com/)
  t.equal(printTotpSecret(secret), 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ')
})
