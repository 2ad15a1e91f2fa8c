// Recovery codes: minted with 80 random bits, read as people type them.
import t from 'tap'
import { hashRecoveryCode, mintRecoveryCode, readRecoveryCode } from '../../src/crypto/recovery-codes.ts'

t.test('a code is four groups of four letters and digits that nobody mistakes', async (t) => {
  const codes = Array.from({ length: 200 }, mintRecoveryCode)
  for (const code of codes) t.match(code, /^[0-9a-hjkmnp-tv-z]{4}(?:-[0-9a-hjkmnp-tv-z]{4}){3}$/)
  t.equal(new Set(codes).size, codes.length)
})

t.test(
  'a code is read with or without dashes, in any case and width, and with the letters it never has',
  async (t) => {
    const read = 'abcd0123efgh1456'
    for (const typed of [
      'abcd-0123-efgh-1456',
      ' ABCD O123 EFGH L456 ',
      'ａｂｃｄ０１２３ｅｆｇｈ１４５６',
      'abcdo123efghi456',
    ])
      t.equal(readRecoveryCode(typed), read, typed)
    for (const typed of ['', 'abcd', 'abcd-0123-efgh-145!', `${read}0`, 'uuuu-0123-efgh-1456'])
      t.equal(readRecoveryCode(typed), null, typed)
  },
)

t.test('the hash is of the code and its account', async (t) => {
  const code = mintRecoveryCode()
  t.same(hashRecoveryCode('a', code), hashRecoveryCode('a', code.toUpperCase().replaceAll('-', ' ')))
  t.notSame(hashRecoveryCode('a', code), hashRecoveryCode('b', code))
})
