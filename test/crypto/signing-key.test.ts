// Ed25519 keys on RFC 8032 §7.1, their JWK thumbprint and JWS on RFC 8037 appendix A.
import { createPrivateKey, sign, verify } from 'node:crypto'
import t from 'tap'
import { generateSigningKey, privatePem, publicPem, thumbprint } from '../../src/crypto/signing-key.ts'

const published = {
  kty: 'OKP',
  crv: 'Ed25519',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
}

/** PKCS #8 of a raw private key, as our rows hold it. */
function pkcs8(d: string, x: string): Buffer {
  return createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d, x }, format: 'jwk' }).export({
    format: 'der',
    type: 'pkcs8',
  })
}
const fromHex = (text: string) => Buffer.from(text, 'hex').toString('base64url')

t.test('the thumbprint of the key of RFC 8037 is the one of its A.3', async (t) => {
  t.equal(thumbprint(published), 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
})

t.test('a key in our PEM signs as RFC 8037 A.4 does', async (t) => {
  const signed = 'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc'
  const signature = sign(null, Buffer.from(signed), privatePem(pkcs8(published.d, published.x)))
  t.equal(
    signature.toString('base64url'),
    'hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
  )
  t.ok(verify(null, Buffer.from(signed), publicPem(published), signature))
})

t.test('a key in our PEM signs as RFC 8032 §7.1 does', async (t) => {
  const cases = [
    {
      secret: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      key: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      message: '',
      signature:
        'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    },
    {
      secret: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      key: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      message: '72',
      signature:
        '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    },
    {
      secret: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
      key: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
      message: 'af82',
      signature:
        '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    },
  ]
  for (const { secret, key, message, signature } of cases) {
    const x = fromHex(key)
    const made = sign(null, Buffer.from(message, 'hex'), privatePem(pkcs8(fromHex(secret), x)))
    t.equal(made.toString('hex'), signature)
    t.ok(verify(null, Buffer.from(message, 'hex'), publicPem({ kty: 'OKP', crv: 'Ed25519', x }), made))
  }
})

t.test('a generated key is named by its thumbprint, and its halves belong together', async (t) => {
  const one = await generateSigningKey('EdDSA')
  const two = await generateSigningKey('EdDSA')
  t.equal(one.kid, thumbprint(one.publicJwk))
  t.same(Object.keys(one.publicJwk).sort(), ['crv', 'kty', 'x'], 'nothing private in the public half')
  t.not(one.kid, two.kid)
  const signature = sign(null, Buffer.from('message'), privatePem(one.privateKey))
  t.ok(verify(null, Buffer.from('message'), publicPem(one.publicJwk), signature))
  t.notOk(verify(null, Buffer.from('message'), publicPem(two.publicJwk), signature))
})
