// Passkeys: who may add one, what a use must fit, and what becomes of them in the life of an account.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { hashSecret } from '../../src/crypto/secrets.ts'
import { undoEmailChange } from '../../src/domain/accounts/email-change.ts'
import { applyLifecycle } from '../../src/domain/accounts/lifecycle.ts'
import { signUp } from '../../src/domain/accounts/sign-up.ts'
import type { Caller } from '../../src/domain/actor.ts'
import { inTransaction, operatorContext } from '../../src/domain/context.ts'
import { signInWithPasskey } from '../../src/domain/credentials/passkey-sign-in.ts'
import {
  type PasskeyAssertion,
  passkeyRequestOptions,
  passkeySignInOptions,
  verifyPasskeyAssertion,
} from '../../src/domain/credentials/passkey-use.ts'
import {
  addPasskey,
  listPasskeys,
  maxPasskeys,
  passkeyRegistrationOptions,
  removePasskey,
  renamePasskey,
} from '../../src/domain/credentials/passkeys.ts'
import { signInWithPassword } from '../../src/domain/credentials/sign-in.ts'
import { readUser } from '../../src/domain/operators/imported-person.ts'
import { exportUsers } from '../../src/domain/operators/user-export.ts'
import { importUsers } from '../../src/domain/operators/user-import.ts'
import { createProject } from '../../src/domain/projects/projects.ts'
import type { Grant } from '../../src/domain/sessions/grants.ts'
import { createAuthenticator, type Lies, type SoftKey } from '../support/authenticator.ts'
import { createTestDomain, stranger, testPublicUrl } from '../support/domain.ts'

const policy = {
  sessions: { notify_new_device: false },
  origins: ['https://app.example.org'],
  passkeys: { related_origins: ['https://example.net'] },
}
const domain = await createTestDomain(t, { policy })
const { services, project, sql, context, signedIn } = domain
const password = 'a good long password'
const phone: Caller = { ...stranger, userAgent: 'a phone', device: 'a phone' }
const authenticator = (options: object = {}) => createAuthenticator({ origin: testPublicUrl, ...options })

async function person(of = project) {
  const email = `${randomUUID()}@example.com`
  const signedUp = await signUp(context(stranger, null, of), { email, password })
  if (signedUp.kind !== 'signed_in') throw new Error('A session was expected.')
  await sql`update users set email_verified_at = now(), email_proof = 'holder' where email = ${email}`
  const { user, ...grant } = await signInWithPassword(context(stranger, null, of), { email, password })
  return { ...grant, user: { ...user, emailVerifiedAt: new Date(), emailProof: 'holder' as const } }
}

/** The accounts of a project, as `users export` writes them. */
async function exported(of: typeof project): Promise<Record<string, unknown>[]> {
  const people: Record<string, unknown>[] = []
  await exportUsers(operatorContext(services, of), async (line) => {
    people.push(JSON.parse(JSON.stringify(line)))
  })
  return people
}

async function register(who: Grant, device = authenticator(), lies: Lies = {}, isUpgrade = false) {
  const ctx = signedIn(who)
  const { flow, options } = await passkeyRegistrationOptions(ctx, isUpgrade)
  const { credential, key } = device.create(options, lies)
  return { key, row: await addPasskey(ctx, { flow, credential, name: null }) }
}
async function enter(key: SoftKey, lies: Lies = {}, of = project, caller = phone) {
  const ctx = context(caller, null, of)
  const { flow, options } = await passkeySignInOptions(ctx)
  return signInWithPasskey(ctx, { flow, credential: key.get(options, lies) })
}
const reasons = async (account: string) =>
  (
    await sql`select details ->> 'reason' as reason from security_log
      where account = ${account} and event = 'passkey_refused' order by id`
  ).map(({ reason }) => reason)
const mails = async ({ user }: Grant) =>
  (await sql`select kind from outbox where user_id = ${user.id} order by created_at`).map(({ kind }) => kind)
const count = async ({ user }: Grant) =>
  (await sql`select count(*)::int as n from passkeys where user_id = ${user.id}`)[0]?.n

t.test('a passkey of a device opens the account: two factors in one act', async (t) => {
  const who = await person()
  const { key, row } = await register(who)
  t.match(row, { name: 'Passkey', transports: 'internal hybrid', signCount: 0, lastUsedAt: null })
  const grant = await enter(key)
  t.equal(grant.user.uuid, who.user.uuid)
  t.match(grant, { amr: ['hwk', 'user'], acr: '2' })
  const { passkeys, rpId, userHandle } = await listPasskeys(signedIn(who))
  t.ok(passkeys[0]?.lastUsedAt)
  t.equal(rpId, 'auth.example.org')
  t.equal(userHandle, key.userHandle)
  t.ok((await mails(who)).includes('passkey_added'))
})

t.test('a key that is on several devices says so, and a known authenticator gives it its name', async (t) => {
  const who = await person()
  const device = authenticator({ synced: true, aaguid: 'ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4' })
  const { key, row } = await register(who, device)
  t.match(row, { name: 'Google Password Manager', backupEligible: true, backedUp: true })
  t.same((await enter(key)).amr, ['swk', 'user'])
})

t.test('only an account whose address mailbox and holder have proven gets a passkey', async (t) => {
  for (const [verified, proof] of [
    [null, null],
    ['now', 'mailbox'],
    ['now', 'claim'],
    ['now', null],
  ] as const) {
    const who = await person()
    const ctx = signedIn(who)
    const { flow, options } = await passkeyRegistrationOptions(ctx, false)
    await sql`update users set email_verified_at = ${verified && new Date().toISOString()}, email_proof = ${proof} where id = ${who.user.id}`
    const refused = { code: 'email_verification_required' }
    await t.rejects(passkeyRegistrationOptions(ctx, false), refused)
    const { credential } = authenticator().create(options)
    await t.rejects(addPasskey(ctx, { flow, credential, name: null }), refused, 'nor by a flow begun before')
    t.equal(await count(who), 0)
  }
})

t.test('a session whose owner was proven long ago must be stepped up', async (t) => {
  const who = await person()
  const { row } = await register(who)
  await sql`update sessions set auth_time = now() - interval '6 minutes' where user_id = ${who.user.id}`
  const refused = { code: 'step_up_required' }
  await t.rejects(passkeyRegistrationOptions(signedIn(who), false), refused)
  await t.rejects(passkeyRegistrationOptions(signedIn(who), true), refused)
  await t.rejects(removePasskey(signedIn(who), row.id), refused)
  t.equal((await renamePasskey(signedIn(who), row.id, 'Mine')).name, 'Mine')
})

t.test('a recent sign-in by passkey is as good as one by password', async (t) => {
  const who = await person()
  const { key, row } = await register(who)
  const grant = await enter(key)
  await removePasskey(signedIn(grant), row.id)
  t.equal(await count(who), 0)
  t.ok((await mails(who)).includes('passkey_removed'))
})

t.test('the silent upgrade needs nobody to be verified; every use does', async (t) => {
  const who = await person()
  const quiet = { userVerified: false, userPresent: false }
  await t.rejects(register(who, authenticator(), quiet), { code: 'passkey_refused' })
  const { key } = await register(who, authenticator(), quiet, true)
  await t.rejects(enter(key, { userVerified: false }), { code: 'passkey_refused' })
  t.ok(await enter(key))
})

t.test(
  'a passkey that was registered elsewhere opens the imported account under the name it was given there',
  async (t) => {
    const { key, row } = await register(await person())
    const { project: place } = await createProject(services, 'Moved', policy)
    const own = operatorContext(services, place)
    const old = Buffer.from('0b1e7c5c-3f6f-4f6e-9a53-2c86f2f1d111', 'utf8').toString('base64url')
    const bring = async (given: object) => {
      const value = {
        email: `${randomUUID()}@example.com`,
        email_verified_at: '2020-01-01T00:00:00Z',
        passkeys: [
          {
            credential_id: row.credentialId.toString('base64url'),
            public_key: row.publicKey.toString('base64url'),
            ...given,
          },
        ],
      }
      const user = readUser(value)
      if (typeof user === 'string') throw new Error(user)
      await sql`delete from passkeys where project_id = ${place.id}`
      t.match(await importUsers(own, [user]), { created: 1, takenPasskeys: 0 })
      return value.email
    }
    const handle = { userHandle: old }
    const refused = { code: 'passkey_refused', reason: 'wrong_user_handle' }
    // Keycloak names the handle, and does not know whether the key may be on several devices: its first use says so.
    const email = await bring({ user_handle: old })
    await t.rejects(enter(key, {}, place), refused, 'not by the name that another service gave')
    await t.rejects(enter(key, { userHandle: null }, place), refused)
    const entered = await enter(key, { ...handle, backupEligible: true }, place)
    t.equal(entered.user.email, email)
    t.match(await sql`select backup_eligible from passkeys where project_id = ${place.id}`, [
      { backup_eligible: true },
    ])
    await t.rejects(enter(key, { ...handle, origin: 'https://example.com' }, place), {
      code: 'passkey_refused',
    })
    await t.rejects(enter(key, { ...handle, userVerified: false }, place), { code: 'passkey_refused' })
    // better-auth makes the handle up and does not keep it.
    const other = await bring({})
    await t.rejects(enter(key, { userHandle: null }, place), refused)
    t.equal((await enter(key, handle, place)).user.email, other)
    t.equal((await enter(key, {}, place)).user.email, other)
    // What came stays as it is when it moves on.
    t.match(
      (await exported(place)).find(({ email }) => email === other),
      { passkeys: [{ user_handle: null }] },
    )
  },
)

t.test('an account of ours that moves to another project enters it by its passkey', async (t) => {
  const who = await person()
  const { key } = await register(who, authenticator({ counts: true }))
  await enter(key)
  const { project: place } = await createProject(services, 'Next', policy)
  const read = readUser((await exported(project)).find(({ email }) => email === who.user.email))
  if (typeof read === 'string') throw new Error(read)
  t.match(await importUsers(operatorContext(services, place), [read]), { created: 1 })
  t.equal((await enter(key, {}, place)).user.uuid, who.user.uuid)
  await t.rejects(enter(key, { userHandle: 'AAAA' }, place), {
    code: 'passkey_refused',
    reason: 'wrong_user_handle',
  })
})

t.test('what does not fit is refused, and the log knows why', async (t) => {
  const who = await person()
  const { key } = await register(who, authenticator({ counts: true }))
  const other = await person()
  const { key: foreign } = await register(other)
  const lies: [Lies, string][] = [
    [{ origin: 'https://example.com' }, 'wrong_origin'],
    [{ origin: 'http://auth.example.org' }, 'wrong_origin'],
    [{ origin: 'https://auth.example.org.evil.com' }, 'wrong_origin'],
    [{ crossOrigin: true }, 'cross_origin'],
    [{ topOrigin: 'https://example.com' }, 'cross_origin'],
    [{ type: 'webauthn.create' }, 'wrong_ceremony'],
    [{ rpId: 'example.org' }, 'wrong_relying_party'],
    [{ userVerified: false }, 'user_not_verified'],
    [{ userPresent: false }, 'user_not_present'],
    [{ backupEligible: true }, 'backup_eligibility_changed'],
    [{ userHandle: foreign.userHandle }, 'wrong_user_handle'],
    [{ userHandle: null }, 'wrong_user_handle'],
    [{ userHandle: 'AAAA' }, 'wrong_user_handle'],
  ]
  for (const [lie, reason] of lies) {
    await t.rejects(enter(key, lie), { code: 'passkey_refused', reason }, reason)
    const { flow, options } = await passkeyRegistrationOptions(signedIn(who), false)
    const { credential } = authenticator().create(options, {
      ...lie,
      ...(lie.type && { type: 'webauthn.get' }),
    })
    const added = addPasskey(signedIn(who), { flow, credential, name: null })
    if (/handle|eligib/.test(reason)) t.ok(await added)
    else await t.rejects(added, { code: 'passkey_refused' }, reason)
  }
  t.same(
    [...new Set(await reasons(who.user.uuid))].sort(),
    [...new Set(lies.map(([, reason]) => reason))].sort(),
  )
  const { flow, options } = await passkeySignInOptions(context(phone))
  const { response } = foreign.get(options)
  const swapped = { ...key.get(options), response }
  await t.rejects(signInWithPasskey(context(phone), { flow, credential: swapped }), {
    code: 'passkey_refused',
  })
  t.ok(await enter(key))
})

t.test('origins that the policy lists, and related ones, may use it', async (t) => {
  const who = await person()
  const { key } = await register(who, authenticator(), { origin: 'https://example.net' })
  for (const origin of [testPublicUrl, 'https://app.example.org', 'https://example.net'])
    t.ok(await enter(key, { origin }))
})

t.test('a challenge is good once, for ten minutes, for who asked and for what', async (t) => {
  const who = await person()
  const { key } = await register(who)
  const over = { code: 'passkey_flow_over' }
  const begin = (caller = phone, of = project) => passkeySignInOptions(context(caller, null, of))
  const answer = (flow: string, options: Parameters<SoftKey['get']>[0], caller = phone, of = project) =>
    signInWithPasskey(context(caller, null, of), { flow, credential: key.get(options) })

  const used = await begin()
  t.ok(await answer(used.flow, used.options))
  await t.rejects(answer(used.flow, used.options), over, 'used')
  const wasted = await begin()
  await t.rejects(
    signInWithPasskey(context(phone), {
      flow: wasted.flow,
      credential: key.get(wasted.options, { rpId: 'x' }),
    }),
    { code: 'passkey_refused' },
  )
  await t.rejects(answer(wasted.flow, wasted.options), over, 'used, though for a wrong answer')
  const at = (minutesAgo: number) => ({
    ...context(phone),
    services: { ...services, now: () => Date.now() - minutesAgo * 60_000 },
  })
  const late = passkeySignInOptions(at(9.9))
  t.ok(await answer(late.flow, late.options))
  const expired = passkeySignInOptions(at(10))
  await t.rejects(answer(expired.flow, expired.options), over, 'expired')
  const whole = Buffer.from((await begin()).options.challenge, 'base64url')
  for (const place of whole.keys()) {
    const forged = Buffer.from(whole)
    forged.writeUInt8(forged.readUInt8(place) ^ 1, place)
    const challenge = forged.toString('base64url')
    await t.rejects(
      signInWithPasskey(context(phone), {
        flow: null,
        credential: key.get({ rpId: late.options.rpId, challenge }),
      }),
      over,
      `byte ${place} changed`,
    )
  }
  const { project: another } = await createProject(services, 'Another', policy)
  const elsewhere = await begin(phone, another)
  await t.rejects(answer(elsewhere.flow, elsewhere.options), over, 'of another project')
  const theirs = await begin(stranger)
  await t.rejects(answer(theirs.flow, theirs.options), over, 'of another client')
  const contract = await begin({ ...phone, client: 'nora' })
  await t.rejects(answer(contract.flow, contract.options), over, 'of another API')
  const [one, two] = [await begin(), await begin()]
  await t.rejects(answer(one.flow, two.options), over, 'the challenge of another flow')
  await t.rejects(answer(randomUUID(), one.options), over, 'no flow at all')
  const registration = await passkeyRegistrationOptions(signedIn(who), false)
  const asUse = { rpId: registration.options.rp.id, challenge: registration.options.challenge }
  await t.rejects(answer(registration.flow, asUse), over, 'of a registration')
})

t.test('a registration belongs to its session', async (t) => {
  const [who, other] = [await person(), await person()]
  const again = await signInWithPassword(context(stranger), { email: who.user.email, password })
  const { flow, options } = await passkeyRegistrationOptions(signedIn(who), false)
  const { credential } = authenticator().create(options)
  for (const [thief, name] of [
    [other, 'another account'],
    [again, 'another session'],
  ] as const)
    await t.rejects(
      addPasskey(signedIn(thief), { flow, credential, name: null }),
      { code: 'passkey_flow_over' },
      name,
    )
  t.ok(await addPasskey(signedIn(who), { flow, credential, name: 'Mine' }))
})

t.test('the same credential is added once in a project', async (t) => {
  const [who, other] = [await person(), await person()]
  const { row } = await register(who)
  const { credentialId } = row
  const { options } = await passkeyRegistrationOptions(signedIn(who), false)
  t.match(options.excludeCredentials, [
    { id: credentialId.toString('base64url'), transports: ['internal', 'hybrid'] },
  ])
  for (const one of [who, other])
    await t.rejects(register(one, authenticator(), { credentialId }), { code: 'passkey_exists' })
})

t.test('an account has a bounded number of passkeys', async (t) => {
  const who = await person()
  const begun = await passkeyRegistrationOptions(signedIn(who), false)
  await sql`insert into passkeys (id, project_id, user_id, credential_id, public_key, name, aaguid, backup_eligible, backed_up, sign_count)
    select gen_random_uuid(), ${project.id}, ${who.user.id}, gen_random_uuid()::text::bytea, '', 'x', gen_random_uuid(), false, false, 0
    from generate_series(1, ${maxPasskeys})`
  await t.rejects(register(who), { code: 'passkey_limit_reached' })
  const { credential } = authenticator().create(begun.options)
  const late = addPasskey(signedIn(who), { flow: begun.flow, credential, name: null })
  await t.rejects(late, { code: 'passkey_limit_reached' })
})

t.test('an unknown passkey is named only where this project gave it out', async (t) => {
  const who = await person()
  const { key, row } = await register(who)
  await register(who)
  await removePasskey(signedIn(who), row.id)
  await t.rejects(enter(key), { code: 'passkey_unknown', details: { credentialId: key.id } })
  const { project: another } = await createProject(services, 'Another', policy)
  await t.rejects(enter(key, {}, another), { code: 'passkey_unknown', details: { credentialId: undefined } })
  await t.rejects(enter(key, { userHandle: null }), {
    code: 'passkey_unknown',
    details: { credentialId: undefined },
  })
})

t.test('a counter that goes back is refused, logged and told', async (t) => {
  const who = await person()
  const { key } = await register(who, authenticator({ counts: true }))
  await enter(key, { signCount: 7 })
  for (const signCount of [7, 3, 0])
    await t.rejects(enter(key, { signCount }), { code: 'passkey_refused', reason: 'counter_went_back' })
  t.ok(await enter(key, { signCount: 8 }))
  t.same(await reasons(who.user.uuid), Array(3).fill('counter_went_back'))
  t.equal((await mails(who)).filter((kind) => kind === 'passkey_counter_back').length, 3)
  const events =
    await sql`select 1 from audit_events where user_id = ${who.user.id} and event = 'passkey_counter_back'`
  t.equal(events.length, 3)
})

t.test(
  'a disabled account is told so only after a right answer; a pending deletion is taken back',
  async (t) => {
    const who = await person()
    const { key } = await register(who)
    await sql`update users set deletion_due_at = now() + interval '1 day' where id = ${who.user.id}`
    t.ok(await enter(key))
    const [row] = await sql`select deletion_due_at from users where id = ${who.user.id}`
    t.equal(row?.deletion_due_at, null)
    await sql`update users set disabled_at = now() where id = ${who.user.id}`
    await t.rejects(enter(key, { userVerified: false }), { code: 'passkey_refused' })
    await t.rejects(enter(key), { code: 'account_disabled' })
    await sql`update users set disabled_at = null, deletion_due_at = now() where id = ${who.user.id}`
    await t.rejects(enter(key), { code: 'passkey_unknown' })
  },
)

t.test('the last way in stays: a passkey counts for identities, and the reverse', async (t) => {
  const who = await person()
  const { row } = await register(who)
  const { row: second } = await register(who)
  await sql`update users set password_hash = null where id = ${who.user.id}`
  await removePasskey(signedIn(who), second.id)
  await t.rejects(removePasskey(signedIn(who), row.id), { code: 'last_way_in' })
  t.equal(await count(who), 1)
})

t.test('the seam of second factors: a flow for one account and one purpose', async (t) => {
  const [who, other] = [await person(), await person()]
  t.equal(await passkeyRequestOptions(context(phone), 'second_factor', who.user), null)
  const { key } = await register(who)
  const { key: foreign } = await register(other)
  const ask = async (purpose: 'second_factor' | 'step_up') => {
    const asked = await passkeyRequestOptions(context(phone), purpose, who.user)
    if (!asked) throw new Error('Options were expected.')
    t.same(asked.options.allowCredentials, [
      { type: 'public-key', id: key.id, transports: ['internal', 'hybrid'] },
    ])
    return asked
  }
  const prove = (assertion: PasskeyAssertion) => verifyPasskeyAssertion(context(phone), assertion)
  const { flow, options } = await ask('second_factor')
  const given = { flow, credential: key.get(options, { userHandle: null }), userId: who.user.id }
  await t.rejects(prove({ ...given, purpose: 'step_up' }), { code: 'passkey_flow_over' })
  await t.rejects(prove({ ...given, purpose: 'second_factor', userId: other.user.id }), {
    code: 'passkey_flow_over',
  })
  await t.rejects(signInWithPasskey(context(phone), given), { code: 'passkey_flow_over' })
  t.match(await prove({ ...given, purpose: 'second_factor' }), {
    user: { id: who.user.id },
    amr: ['hwk', 'user'],
  })
  const again = await ask('second_factor')
  await t.rejects(
    prove({
      flow: again.flow,
      credential: foreign.get(again.options),
      userId: who.user.id,
      purpose: 'second_factor',
    }),
    { code: 'passkey_refused', reason: 'passkey_of_another_account' },
  )
})

t.test('a recovery leaves passkeys and says so; who enters by the mailbox ends planted ones', async (t) => {
  for (const [event, left] of [
    ['password_reset', 1],
    ['sign_in_disowned', 1],
    ['password_changed', 1],
    ['address_changed', 1],
    ['signed_out_everywhere', 1],
    ['disabled', 1],
    ['deletion_scheduled', 1],
    ['mailbox_entered', 0],
    ['sign_up_disowned', 0],
    ['vouched_by_provider', 0],
    ['taken_over_by_provider', 0],
    ['claim_proven', 0],
  ] as const) {
    const who = await person()
    await register(who)
    // What is disowned came after the passkey.
    const since = new Date(Date.now() + 60_000)
    const outcome = await inTransaction(context(), (tx) => applyLifecycle(tx, event, who.user, since))
    t.equal(await count(who), left, event)
    t.equal(outcome.ended.includes('passkeys'), left === 0, event)
    t.equal(outcome.stayed.includes('passkeys'), left === 1, event)
    const bare = await person()
    const none = await inTransaction(context(), (tx) => applyLifecycle(tx, event, bare.user, since))
    t.notOk([...none.ended, ...none.stayed].includes('passkeys'), `${event}: none there were`)
  }
})

t.test('an undone change of address ends the passkeys that were added since', async (t) => {
  const who = await person()
  const { row: before } = await register(who)
  await sql`update passkeys set created_at = now() - interval '1 hour' where id = ${before.id}`
  const hash = Buffer.alloc(32, 9)
  const token = `svt_${randomUUID()}`
  await sql`insert into verification_tokens (id, project_id, user_id, purpose, email, token_hash, code_hash, expires_at)
    values (gen_random_uuid(), ${project.id}, ${who.user.id}, 'undo_email_change', ${who.user.email},
      ${hashSecret(token)}, ${hash}, now() + interval '1 day')`
  await sql`update users set email = ${`${randomUUID()}@evil.example`} where id = ${who.user.id}`
  const { row: planted } = await register(who)
  await undoEmailChange(context(), token)
  const left = await sql`select id from passkeys where user_id = ${who.user.id}`
  t.same(
    left.map(({ id }) => id),
    [before.id],
  )
  t.not(planted.id, before.id)
})
