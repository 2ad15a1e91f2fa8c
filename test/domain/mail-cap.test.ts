// One recipient gets few mails, over all kinds and senders; a flood suppresses neither notices to an owner nor resets.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { requestEmailChange } from '../../src/domain/accounts/email-change.ts'
import { changePassword } from '../../src/domain/accounts/password-change.ts'
import { requestReset } from '../../src/domain/accounts/recovery.ts'
import { requestRegistration } from '../../src/domain/accounts/registration.ts'
import { signUp } from '../../src/domain/accounts/sign-up.ts'
import { resendVerification } from '../../src/domain/accounts/verification.ts'
import type { SignedInContext } from '../../src/domain/context.ts'
import { deriveClaimSecrets } from '../../src/domain/credentials/claims.ts'
import { signInWithPassword } from '../../src/domain/credentials/sign-in.ts'
import { noObserver, type SuppressedMail } from '../../src/domain/observer.ts'
import { createProject, type Project } from '../../src/domain/projects/projects.ts'
import { invite } from '../../src/domain/teams/invitations.ts'
import { createTeam } from '../../src/domain/teams/teams.ts'
import { deleteExpired } from '../../src/repositories/cleanup/expired-rows.ts'
import { createTestDomain, stranger } from '../support/domain.ts'

const statements: string[] = []
const suppressed: SuppressedMail[] = []
const verification = { resend_cooldown_seconds: 0 }
const domain = await createTestDomain(t, {
  policy: { verification },
  observer: { ...noObserver, mailSuppressed: (facts) => void suppressed.push(facts) },
  onStatement: (text) => statements.push(text),
})
const { sql, services, context, signedIn } = domain
const strict = (
  await createProject(services, 'Strict', { verification: { ...verification, mode: 'strict' } })
).project
const password = 'a good long password'

const newAddress = () => `somebody.${randomUUID()}@example.com`
/** The context of the `n`th client, each from a network of its own. */
const client = (n: number, project: Project = domain.project) =>
  context({ ...stranger, address: `198.51.100.${n}`, addressPrefix: `198.51.${n}.0/24` }, null, project)

interface Owner {
  readonly ctx: SignedInContext
  readonly email: string
}

async function account(isProven = true): Promise<Owner> {
  const email = newAddress()
  const result = await signUp(context(), { email, password })
  if (result.kind !== 'signed_in') throw new Error('The project is not lenient.')
  if (isProven)
    await sql`update users set email_verified_at = now(), email_proof = 'holder' where email = ${email}`
  const user = { ...result.grant.user, emailVerifiedAt: isProven ? new Date() : null }
  // The mail of the sign-up does not matter here.
  await sql`delete from mail_counts`
  await sql`delete from outbox`
  return { email, ctx: signedIn({ ...result.grant, user }) }
}

/** How many mails of each kind are queued for an address. */
async function mailsTo(email: string): Promise<Record<string, number>> {
  const rows =
    await sql`select kind, count(*)::int as n from outbox left join users on users.id = outbox.user_id
    where coalesce(recipient, email) = ${email} group by kind`
  return Object.fromEntries(rows.map(({ kind, n }) => [kind, n]))
}
const total = (mails: Record<string, number>) => Object.values(mails).reduce((sum, n) => sum + n, 0)

const register = (email: string, ctx = context()) =>
  requestRegistration(ctx, { email, client: {}, locale: null })
const reset = (email: string, ctx = context()) => requestReset(ctx, { email, redirectTo: null })
const turnHour = () => sql`update mail_counts set hour_started_at = hour_started_at - interval '1 hour'`

t.test(
  '28 requests of every kind, by many clients, give one recipient at most ten mails an hour',
  async (t) => {
    const [victim, sender] = [await account(false), await account()]
    const team = await createTeam(sender.ctx, 'Rockets')
    const inviting = () =>
      invite(sender.ctx, team.id, { email: victim.email, role: 'VIEWER', redirectTo: null })
    const refusals = []
    for (let n = 0; n < 7; n++) {
      await resendVerification(client(n), victim.email)
      await register(victim.email, client(n))
      await reset(victim.email, client(n))
      await inviting().catch((error: unknown) => refusals.push(error))
    }
    const mails = await mailsTo(victim.email)
    t.equal(total(mails), 10, JSON.stringify(mails))
    t.same(Object.keys(mails).sort(), ['register', 'reset_password', 'team_invitation', 'verify_email'])
    t.ok(refusals.length >= 4)
  },
)

t.test('an invitation beyond the cap is refused with the time to wait, and changes nothing', async (t) => {
  const sender = await account()
  const team = await createTeam(sender.ctx, 'Rockets')
  const email = newAddress()
  for (let n = 0; n < 12; n++) await register(email)
  const before = await sql`select count(*)::int as n from team_invitations`
  const wish = { email, role: 'VIEWER', redirectTo: null } as const
  const error = await invite(sender.ctx, team.id, wish).catch((thrown: unknown) => thrown)
  t.match(error, { code: 'too_many_attempts' })
  const { retryAfterSeconds } = (error as { details: { retryAfterSeconds: number } }).details
  t.ok(retryAfterSeconds > 3500 && retryAfterSeconds <= 3600, `${retryAfterSeconds} s`)
  t.same(await sql`select count(*)::int as n from team_invitations`, before)
  await turnHour()
  t.match(await invite(sender.ctx, team.id, wish), { invitation: { email } })
})

t.test('who invites has proven an address', async (t) => {
  const sender = await account(false)
  const team = await createTeam(sender.ctx, 'Rockets')
  const email = newAddress()
  const sent = invite(sender.ctx, team.id, { email, role: 'VIEWER', redirectTo: null })
  await t.rejects(sent, { code: 'email_verification_required' })
  t.same(await mailsTo(email), {})
  t.same(await sql`select 1 from mail_counts where budget = 'requested' and hour_count > 0`, [])
})

t.test(
  'known and unknown addresses are counted alike, by the same statements, also beyond the cap',
  async (t) => {
    /** The statements of each of twelve requests, and what is counted after them. */
    const measure = async (email: string, ask: (email: string) => Promise<unknown>) => {
      await sql`delete from mail_counts`
      const counts = []
      for (let n = 0; n < 12; n++) {
        const from = statements.length
        await ask(email)
        counts.push(statements.length - from)
      }
      const rows =
        await sql`select budget, hour_count, hour_resets, hour_suppressed, day_count from mail_counts`
      return { counts, rows: [...rows] }
    }
    const known = await account()
    for (const [name, ask] of Object.entries({
      reset,
      register,
      resend: (email: string) => resendVerification(context(), email),
    }))
      t.same(await measure(known.email, ask), await measure(newAddress(), ask), name)

    const ask = (email: string) => signUp(client(1, strict), { email, password })
    const email = newAddress()
    await sql`insert into users (project_id, uuid, email, email_verified_at, email_proof)
    values (${strict.id}, gen_random_uuid(), ${email}, now(), 'holder')`
    t.same(await measure(email, ask), await measure(newAddress(), ask), 'sign-up where proof is demanded')
  },
)

t.test('a flood by strangers suppresses no notice to a proven address', async (t) => {
  const owner = await account()
  for (let n = 0; n < 40; n++) await register(owner.email, client(n))
  await reset(owner.email)
  await reset(owner.email)
  await reset(owner.email)
  t.equal(total(await mailsTo(owner.email)), 10)
  const newPassword = 'another good long password'
  await changePassword(owner.ctx, { currentPassword: password, newPassword })
  const device = { ...stranger, device: 'a phone', address: '203.0.113.9', addressPrefix: '203.0.113.0/24' }
  await signInWithPassword(context(device), { email: owner.email, password: newPassword })
  // A changed password takes the resets back.
  t.same(await mailsTo(owner.email), { register: 8, password_changed: 1, new_device: 1 })
})

t.test('notices have a cap too, and those to an unproven address share the one of requests', async (t) => {
  const signInFrom = (email: string, n: number) =>
    signInWithPassword(context({ ...stranger, address: `203.0.113.${n}`, device: `device ${n}` }), {
      email,
      password,
    })
  const [owner, squatter] = [await account(), await account(false)]
  for (let n = 0; n < 45; n++) {
    await signInFrom(owner.email, n)
    await signInFrom(squatter.email, n)
  }
  t.same(await mailsTo(owner.email), { new_device: 40 })
  t.same(await mailsTo(squatter.email), { new_device: 8 })
})

t.test('resets keep two mails of every hour, even where the day is used up', async (t) => {
  const owner = await account()
  for (let n = 0; n < 20; n++) await register(owner.email)
  for (let n = 0; n < 5; n++) await reset(owner.email)
  t.same(await mailsTo(owner.email), { register: 8, reset_password: 2 })
  await sql`update mail_counts set day_count = 30`
  await turnHour()
  for (let n = 0; n < 5; n++) await register(owner.email)
  for (let n = 0; n < 5; n++) await reset(owner.email)
  t.same(await mailsTo(owner.email), { register: 8, reset_password: 4 })
})

t.test('a hundred requests in one moment never exceed the cap', async (t) => {
  const email = newAddress()
  await Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      n % 2 ? register(email, client(n)) : signUp(client(n, strict), { email, password }),
    ),
  )
  const perProject =
    await sql`select project_id, count(*)::int as n from outbox where recipient = ${email} group by 1`
  t.same(
    perProject.map(({ n }) => n),
    [8, 8],
    'each project counts its own',
  )
})

t.test('a new hour opens it again, until the day is full; a new day opens that', async (t) => {
  const email = newAddress()
  const sent = []
  for (let hour = 0; hour < 5; hour++) {
    for (let n = 0; n < 12; n++) await register(email)
    sent.push(total(await mailsTo(email)))
    await turnHour()
  }
  t.same(sent, [8, 16, 24, 30, 30])
  await sql`update mail_counts set day_started_at = day_started_at - interval '1 day'`
  await register(email)
  t.equal(total(await mailsTo(email)), 31)
})

t.test(
  'asking for a change of address says nothing beyond the cap, and its owner still gets the notice',
  async (t) => {
    const owner = await account()
    const email = newAddress()
    for (let n = 0; n < 12; n++) await register(email)
    const wish = { newEmail: email, currentPassword: password, redirectTo: null }
    t.equal(await requestEmailChange(owner.ctx, wish), null)
    t.same(await mailsTo(email), { register: 8 })
    t.same(await mailsTo(owner.email), { email_change_requested: 1 })
  },
)

t.test(
  'each suppressed mail is reported, the first of a recipient in an hour as such, and never the address',
  async (t) => {
    const email = newAddress()
    suppressed.length = 0
    for (let n = 0; n < 11; n++) await register(email)
    t.same(
      suppressed,
      [true, false, false].map((isFirst) => ({ kind: 'register', projectId: domain.project.id, isFirst })),
    )
    await turnHour()
    suppressed.length = 0
    for (let n = 0; n < 9; n++) await register(email)
    t.same(
      suppressed.map(({ isFirst }) => isFirst),
      [true],
      'and once more in the next one',
    )
  },
)

t.test('a request beyond the cap leaves the last mail of a sign-up as it is', async (t) => {
  const policy = { verification: { ...verification, mode: 'strict' }, mail: { per_recipient_hour: 3 } }
  const { project } = await createProject(services, 'Capped', policy)
  const email = newAddress()
  await signUp(client(1, project), { email, password })
  const proofs = () =>
    sql`select serial, token_hash, code_hash from claims where email = ${email} order by id`
  const delivered = await proofs()
  for (let n = 0; n < 4; n++) await resendVerification(client(1, project), email)
  const [row, ...more] = await proofs()
  t.equal(more.length, 0)
  t.ok((row?.serial ?? 0) <= 2, 'no mail was queued, so no proof was replaced')
  const sent = await sql`select details->>'claimSerial' as serial from outbox where recipient = ${email}`
  t.equal(Math.max(...sent.map(({ serial }) => Number(serial))), row?.serial, 'the last mail fits')
  t.equal(delivered.length, 1)
  await signUp(client(2, project), { email, password: 'the password of a stranger' })
  const [unsent] =
    await sql`select id, token_hash from claims where email = ${email} order by created_at desc`
  const { hash } = deriveClaimSecrets(services, project, { id: unsent?.id, serial: 0 })
  t.notOk(hash.equals(unsent?.token_hash), 'what nobody was sent proves nothing')
})

t.test('a registration beyond the cap leaves the one that was mailed as it is', async (t) => {
  const email = newAddress()
  const policy = { verification, mail: { per_recipient_hour: 3 } }
  const { project } = await createProject(services, 'Capped registrations', policy)
  const register = () => requestRegistration(client(1, project), { email, client: {}, locale: null })
  await register()
  for (let n = 0; n < 4; n++) await register()
  const rows = await sql`select superseded_at from registrations where project_id = ${project.id}`
  const open = rows.filter((row) => row.superseded_at === null)
  const mails = await sql`select id from outbox where recipient = ${email} and kind = 'register'`
  t.equal(rows.length, mails.length, 'there is a registration for each mail')
  t.equal(open.length, 1)
})

t.test('where the application delivers mail nothing is counted', async (t) => {
  const policy = { verification: { ...verification, delivery: 'app' } }
  const { project } = await createProject(services, 'App', policy)
  const trusted = context({ ...stranger, provesProject: true }, null, project)
  const email = newAddress()
  for (let n = 0; n < 12; n++) t.ok(await register(email, trusted))
  t.same(await sql`select 1 from mail_counts where project_id = ${project.id}`, [])
})

t.test('counts are removed once both windows are over', async (t) => {
  await sql`delete from mail_counts`
  const [fresh, old] = [newAddress(), newAddress()]
  await register(old)
  await sql`update mail_counts set hour_started_at = now() - interval '25 hours', day_started_at = now() - interval '25 hours'`
  await register(fresh)
  await services.stores.unscoped.transaction((tx) => deleteExpired(tx, 'mail_counts', 0, 1000))
  t.same([...(await sql`select day_count from mail_counts`)], [{ day_count: 1 }])
})
