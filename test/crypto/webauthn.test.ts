// Answers of authenticators, by the vectors of WebAuthn Level 3 §16: every one whose algorithm we offer verifies, and none from
// elsewhere.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  type AssertionJson,
  type Ceremony,
  challengeOf,
  type RegistrationJson,
  verifyAssertion,
  verifyRegistration,
} from '../../src/crypto/webauthn.ts'
import { packageRoot } from '../../src/package.ts'

interface Vector {
  readonly name: string
  readonly credential_id: string
  readonly registration: Record<'challenge' | 'clientDataJSON' | 'attestationObject', string>
  readonly authentication: Record<'challenge' | 'clientDataJSON' | 'authenticatorData' | 'signature', string>
}
const document = JSON.parse(
  readFileSync(join(packageRoot, 'test/fixtures/webauthn-level-3.json'), 'utf8'),
) as { origin: string; rp_id: string; vectors: readonly Vector[] }

const base64url = (hex: string) => Buffer.from(hex, 'hex').toString('base64url')
const ceremony = (challenge: string, over: Partial<Ceremony> = {}): Ceremony => ({
  challenge: base64url(challenge),
  rpId: document.rp_id,
  origins: new Set([document.origin]),
  ...over,
})
const registrationOf = ({ credential_id, registration }: Vector): RegistrationJson => ({
  id: base64url(credential_id),
  type: 'public-key',
  response: {
    clientDataJSON: base64url(registration.clientDataJSON),
    attestationObject: base64url(registration.attestationObject),
  },
})
const assertionOf = ({ credential_id, authentication }: Vector): AssertionJson => ({
  id: base64url(credential_id),
  type: 'public-key',
  response: {
    clientDataJSON: base64url(authentication.clientDataJSON),
    authenticatorData: base64url(authentication.authenticatorData),
    signature: base64url(authentication.signature),
  },
})

/** Why vectors are refused: no authenticator that people have makes the algorithm, or a page is inside a foreign one. */
const notOffered: Readonly<Record<string, string>> = {
  'packed-es384': 'unreadable',
  'packed-es512': 'unreadable',
  'packed-ed448': 'unreadable',
}
const crossOrigin = ['none-es256-crossOrigin', 'none-es256-topOrigin']
const offered = document.vectors.filter(({ name }) => !notOffered[name] && !crossOrigin.includes(name))

t.test('the file holds what it is said to hold', async (t) => {
  t.equal(document.vectors.length, 15)
  t.equal(offered.length, 10)
})

for (const vector of offered)
  t.test(`${vector.name} · registers and signs in`, async (t) => {
    const { registration, authentication } = vector
    const made = await verifyRegistration(registrationOf(vector), ceremony(registration.challenge))
    t.match(made, { kind: 'verified', userPresent: true, signCount: 0 })
    if (made.kind !== 'verified') return
    t.equal(made.credentialId.toString('hex'), vector.credential_id)
    t.match(made.aaguid, /^[0-9a-f-]{36}$/)
    const use = (over: Partial<Ceremony> = {}, assertion = assertionOf(vector)) =>
      verifyAssertion(assertion, made.publicKey, ceremony(authentication.challenge, over))
    t.match(await use(), { kind: 'verified', userPresent: true, signCount: 0 })
    t.equal(challengeOf(assertionOf(vector)), base64url(authentication.challenge))

    const foreign = { origins: new Set(['https://example.com']) }
    t.match(await use(foreign), { kind: 'refused', reason: 'wrong_origin' })
    t.match(await use({ rpId: 'example.com' }), { kind: 'refused', reason: 'wrong_relying_party' })
    t.match(await use({ challenge: base64url('00') }), { kind: 'refused', reason: 'wrong_challenge' })
    const [other] = offered.filter(({ name }) => name !== vector.name)
    const stranger = other && {
      ...assertionOf(vector).response,
      signature: assertionOf(other).response.signature,
    }
    const forged = await use(
      {},
      { ...assertionOf(vector), response: stranger ?? assertionOf(vector).response },
    )
    t.equal(forged.kind, 'refused', 'a signature of another key')
    for (const over of [foreign, { rpId: 'example.com' }, { challenge: base64url('00') }]) {
      const refused = await verifyRegistration(registrationOf(vector), ceremony(registration.challenge, over))
      t.equal(refused.kind, 'refused')
    }
  })

for (const { name, registration, authentication, ...rest } of document.vectors)
  t.test(`${name} · is refused from inside a page of another origin`, async (t) => {
    const vector = { name, registration, authentication, ...rest }
    const inside = (hex: string, over: object) =>
      Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(hex, 'hex').toString()), ...over })).toString(
        'hex',
      )
    for (const over of [{ crossOrigin: true }, { topOrigin: 'https://example.com' }]) {
      const clientDataJSON = inside(registration.clientDataJSON, over)
      const made = registrationOf({ ...vector, registration: { ...registration, clientDataJSON } })
      const refused = { kind: 'refused', reason: 'cross_origin' }
      t.match(await verifyRegistration(made, ceremony(registration.challenge)), refused)
      const seen = inside(authentication.clientDataJSON, over)
      const used = assertionOf({ ...vector, authentication: { ...authentication, clientDataJSON: seen } })
      t.match(await verifyAssertion(used, Buffer.alloc(0), ceremony(authentication.challenge)), refused)
    }
  })

for (const name of crossOrigin)
  t.test(`${name} · is refused as it is`, async (t) => {
    const vector = document.vectors.find((one) => one.name === name)
    if (!vector) return t.fail('there is none')
    const made = await verifyRegistration(registrationOf(vector), ceremony(vector.registration.challenge))
    t.match(made, { kind: 'refused', reason: 'cross_origin' })
    const key = Buffer.alloc(0)
    const used = await verifyAssertion(assertionOf(vector), key, ceremony(vector.authentication.challenge))
    t.match(used, { kind: 'refused', reason: 'cross_origin' })
  })

for (const [name, reason] of Object.entries(notOffered))
  t.test(`${name} · is refused: its algorithm is not offered`, async (t) => {
    const vector = document.vectors.find((one) => one.name === name)
    if (!vector) return t.fail('there is none')
    const made = await verifyRegistration(registrationOf(vector), ceremony(vector.registration.challenge))
    t.match(made, { kind: 'refused', reason })
  })

t.test('a statement about the make of an authenticator is not looked at', async (t) => {
  const [first] = offered
  if (!first) return t.fail('there is none')
  const { attestationObject } = first.registration
  t.match(Buffer.from(attestationObject, 'hex').toString('latin1'), /attStmt\xa0/)
  // A map of one entry that no format has.
  const odd = attestationObject.replace(
    Buffer.from('attStmt\xa0', 'latin1').toString('hex'),
    Buffer.from('attStmt\xa1cx5cboh', 'latin1').toString('hex'),
  )
  const vector = { ...first, registration: { ...first.registration, attestationObject: odd } }
  const made = await verifyRegistration(registrationOf(vector), ceremony(first.registration.challenge))
  t.equal(made.kind, 'verified')
})

t.test('bytes that are no answer are refused, however deep they nest', async (t) => {
  const [first] = offered
  if (!first) return t.fail('there is none')
  const { challenge, clientDataJSON } = first.registration
  const deep = '81'.repeat(20_000)
  for (const attestationObject of [
    '',
    '00',
    'ff',
    'a0',
    deep,
    `${'a1'.repeat(9_000)}00`,
    '5b7fffffffffffffff',
  ]) {
    const vector = { ...first, registration: { challenge, clientDataJSON, attestationObject } }
    const made = await verifyRegistration(registrationOf(vector), ceremony(challenge))
    t.match(made, { kind: 'refused', reason: 'unreadable' }, attestationObject.slice(0, 20))
  }
  for (const text of ['', 'null', '[]', '7', '{"type":"webauthn.create"}', '{'.repeat(8000)]) {
    const hex = Buffer.from(text).toString('hex')
    const vector = { ...first, registration: { ...first.registration, clientDataJSON: hex } }
    t.equal((await verifyRegistration(registrationOf(vector), ceremony(challenge))).kind, 'refused', text)
    t.equal(challengeOf(registrationOf(vector)), null)
  }
})
