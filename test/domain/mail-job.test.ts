// The mail job: queued mail is sent once, whatever the mail server, the database or a crash does in between.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { confirmEmail } from '../../src/domain/accounts/verification.ts'
import { mintForMails } from '../../src/domain/credentials/mailed-tokens.ts'
import { startMailJob } from '../../src/jobs/mail.ts'
import { MailError, type Mailer, type OutgoingMail } from '../../src/mail/mailer.ts'
import { createSmtpMailer } from '../../src/mail/smtp-mailer.ts'
import { createLogger } from '../../src/observability/logging.ts'
import { insertUser, type UserRow } from '../../src/repositories/accounts/users.ts'
import { voidTokens } from '../../src/repositories/credentials/verification-tokens.ts'
import { type MailKind, queueMail, takeMails } from '../../src/repositories/mail/mail-queue.ts'
import { failingStores } from '../support/database.ts'
import { createTestDomain } from '../support/domain.ts'
import { startSmtpSink } from '../support/smtp-sink.ts'

const { sql, context, services, project } = await createTestDomain(t)
const { store } = context()
const { unscoped } = services.stores

interface Row {
  id: string
  attempts: number
  sent_at: Date | null
  dead_at: Date | null
  last_error: string | null
  wait: number
}

/** A user to whom a mail is owed. */
async function owed(kind: 'verify_email' | 'address_taken' = 'verify_email') {
  const user = await insertUser(store, {
    uuid: randomUUID(),
    email: `${randomUUID()}@example.com`,
    passwordHash: null,
    displayName: 'Ada',
    firstName: null,
    lastName: null,
    metadata: {},
  })
  if (!user) throw new Error('The address was taken.')
  const id = randomUUID()
  await queueMail(store, { id, userId: user.id, kind })
  const row = async () => {
    const [found] = await sql<Row[]>`
      select id, attempts, sent_at, dead_at, last_error,
        extract(epoch from next_attempt_at - now())::float as wait
      from outbox where id = ${id}`
    if (!found) throw new Error('The row is gone.')
    return found
  }
  return { id, user, row, due: () => sql`update outbox set next_attempt_at = now() where id = ${id}` }
}

/** A mail job whose mail server does what `answer` says; stopped at the latest when the test ends. */
function mailJobWith(
  t: { teardown(work: () => unknown): void },
  answer: (mail: OutgoingMail) => Promise<void> | void,
  stores = services.stores,
) {
  const sent: OutgoingMail[] = []
  const logs: string[] = []
  let closed = 0
  const mailer: Mailer = {
    async send(mail) {
      await answer(mail)
      sent.push(mail)
    },
    async close() {
      closed++
    },
  }
  const job = startMailJob({
    services: { ...services, stores },
    mailer,
    publicUrl: 'https://auth.example.com',
    log: createLogger('debug', { write: (line) => logs.push(line) }),
    pollMs: 20,
  })
  t.teardown(() => job.stop())
  return { sent, logs, stop: () => job.stop(), closed: () => closed }
}

async function until(condition: () => Promise<unknown> | unknown, ms = 30_000): Promise<void> {
  const end = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('It did not come to pass.')
    await sleep(10)
  }
}

const down = () => {
  throw new MailError('mail not sent: connection refused', false)
}
const tokenOf = (mail: OutgoingMail | undefined) =>
  new URL(mail?.link ?? 'http://none').searchParams.get('token') ?? ''

t.test('an owed mail is sent, and what it carries proves the address', async (t) => {
  const { user, row } = await owed()
  const { sent, stop } = mailJobWith(t, () => {})
  await until(async () => (await row()).sent_at)
  await stop()
  t.equal(sent.length, 1)
  t.equal(sent[0]?.to, user.email)
  t.equal(sent[0]?.kind, 'verify_email')
  const verified = await confirmEmail(context(), { token: tokenOf(sent[0]) })
  t.equal(verified.id, user.id)
})

t.test('a mail server that is away puts the mail back, with a wait that doubles', async (t) => {
  const { row, due } = await owed()
  const { stop } = mailJobWith(t, down)
  for (const [attempt, wait] of [5, 10, 20, 40].entries()) {
    await until(async () => (await row()).attempts === attempt + 1 && (await row()).last_error)
    await until(async () => (await row()).wait < 60)
    const now = await row()
    t.match(now, { sent_at: null, dead_at: null, last_error: 'mail not sent: connection refused' })
    t.ok(now.wait > wait * 0.75 - 1 && now.wait <= wait * 1.25, `${now.wait} s after attempt ${attempt + 1}`)
    await sql`update outbox set last_error = null where id = ${now.id}`
    await due()
  }
  await stop()
  const back = mailJobWith(t, () => {})
  await due()
  await until(async () => (await row()).sent_at)
  t.equal(back.sent.length, 1, 'and it is sent when the server is back')
  t.equal((await row()).last_error, null)
})

t.test('a refused recipient is a dead letter at once', async (t) => {
  const { row, due } = await owed()
  let tries = 0
  mailJobWith(t, () => {
    tries++
    throw new MailError('mail not sent: the server answered RCPT TO with 550', true)
  })
  await until(async () => (await row()).dead_at)
  await due()
  await sleep(100)
  t.equal(tries, 1)
  t.match(await row(), { attempts: 1, sent_at: null, last_error: /550/ })
})

t.test('after twelve attempts a mail is given up', async (t) => {
  const { id, row } = await owed()
  await sql`update outbox set attempts = 11 where id = ${id}`
  mailJobWith(t, down)
  await until(async () => (await row()).dead_at)
  t.match(await row(), { attempts: 12, sent_at: null })
})

t.test('a mail that cannot be made is tried again, and the reason holds no part of it', async (t) => {
  const { row } = await owed()
  const { logs } = mailJobWith(t, (mail) => {
    throw new Error(`something with ${mail.link} in it`)
  })
  await until(async () => (await row()).last_error)
  t.match(await row(), { dead_at: null, last_error: 'The mail could not be made.' })
  t.notMatch(logs.join(), /svt_|token=/)
})

t.test('a mail that a crashed mail job held is sent when its lease is over, and not before', async (t) => {
  const { id, row, due } = await owed()
  const taken = await takeMails(unscoped, 10, 120)
  t.same(
    taken.map((held) => held.id),
    [id],
    'taken, and then the process was killed',
  )
  const { sent } = mailJobWith(t, () => {})
  await sleep(150)
  t.equal(sent.length, 0, 'the lease holds')
  t.ok((await row()).wait > 100)
  await due()
  await until(async () => (await row()).sent_at)
  t.equal(sent.length, 1)
})

t.test(
  'a crash between sending and marking sends the same mail again: one Message-ID, one link',
  async (t) => {
    const { id, row, due } = await owed()
    let marked = 0
    // The mail job can mark nothing any more, neither as sent nor as failed.
    const crashing = failingStores(sql, (text) => {
      if (!text.startsWith('update "outbox" set') || !text.includes('"last_error" = ')) return false
      marked++
      return true
    })
    const first = mailJobWith(t, () => {}, crashing)
    await until(() => marked > 0)
    await first.stop()
    t.equal((await row()).sent_at, null)
    await due()
    const second = mailJobWith(t, () => {})
    await until(async () => (await row()).sent_at)
    t.same([first.sent.length, second.sent.length], [1, 1])
    t.equal(first.sent[0]?.id, id)
    t.equal(second.sent[0]?.id, id)
    t.equal(tokenOf(second.sent[0]), tokenOf(first.sent[0]), 'whichever of the two is opened, it works')
    await confirmEmail(context(), { token: tokenOf(first.sent[0]) })
  },
)

t.test('two mail jobs send each of forty mails once', async (t) => {
  const mails = await Promise.all(Array.from({ length: 40 }, () => owed()))
  const slow = () => sleep(5)
  const jobs = [mailJobWith(t, slow), mailJobWith(t, slow)]
  await until(async () => {
    const rows = await sql`select 1 from outbox where sent_at is null and dead_at is null and id in ${sql(
      mails.map(({ id }) => id),
    )}`
    return rows.length === 0
  })
  const sent = jobs.flatMap((job) => job.sent.map(({ id }) => id))
  t.same(sent.sort(), mails.map(({ id }) => id).sort())
})

t.test('one recipient who cannot be reached holds up nobody else', async (t) => {
  const bad = await owed()
  const good = await Promise.all(Array.from({ length: 12 }, () => owed()))
  mailJobWith(t, (mail) => (mail.to === bad.user.email ? down() : undefined))
  await until(async () => (await Promise.all(good.map(({ row }) => row()))).every((row) => row.sent_at))
  t.equal((await bad.row()).sent_at, null)
})

t.test('a database that is away for a moment stops nothing', async (t) => {
  const { row } = await owed()
  let failures = 0
  const shaky = failingStores(sql, (text) => text.startsWith('with "due"') && failures++ < 3)
  mailJobWith(t, () => {}, shaky)
  await until(async () => (await row()).sent_at)
  t.ok(failures > 3)
})

t.test('nothing is sent to who has proven the address meanwhile, or is disabled', async (t) => {
  const [proven, disabled] = [await owed(), await owed()]
  await sql`update users set email_verified_at = now() where id = ${proven.user.id}`
  await sql`update users set disabled_at = now() where id = ${disabled.user.id}`
  const { sent } = mailJobWith(t, () => {})
  await until(async () => (await proven.row()).sent_at && (await disabled.row()).sent_at)
  t.equal(sent.length, 0)
})

t.test('the owner of a taken address is told so, without a link that proves anything', async (t) => {
  const { user, row } = await owed('address_taken')
  await sql`update users set email_verified_at = now() where id = ${user.id}`
  const { sent } = mailJobWith(t, () => {})
  await until(async () => (await row()).sent_at)
  t.equal(sent[0]?.kind, 'address_taken')
  t.notMatch(`${sent[0]?.text}${sent[0]?.html}`, /svt_/)
})

t.test('a stop waits for the mail that is being sent, and takes no more', async (t) => {
  const { row } = await owed()
  let begun = false
  let finish = () => {}
  const sending = new Promise<void>((resolve) => {
    finish = resolve
  })
  const { stop, closed, sent } = mailJobWith(t, () => {
    begun = true
    return sending
  })
  await until(() => begun)
  const stopped = stop()
  const later = await owed()
  await sleep(50)
  t.equal(closed(), 0, 'the mailer is still open')
  finish()
  await stopped
  t.equal(closed(), 1)
  t.equal(sent.length, 1)
  t.ok((await row()).sent_at)
  t.equal((await later.row()).attempts, 0)
})

t.test('a stop gives slow mails two seconds, also while a whole batch is being sent', async (t) => {
  const mails = await Promise.all(Array.from({ length: 40 }, () => owed()))
  const giveUp: (() => void)[] = []
  const { stop, closed } = mailJobWith(
    t,
    () => new Promise<void>((_, reject) => giveUp.push(() => reject(new Error('given up')))),
  )
  await until(() => giveUp.length >= mails.length)
  const stopped = stop()
  await until(() => closed() === 1)
  for (const give of giveUp) give()
  await stopped
  for (const { row } of mails) t.equal((await row()).sent_at, null)
})

/** Owes a mail of any kind to `user`, as old as `ageSeconds`: in one statement, because a mail job may be looking. */
async function owe(user: UserRow, kind: MailKind, over: { recipient?: string; ageSeconds?: number } = {}) {
  const id = randomUUID()
  const { recipient = null, ageSeconds = 0 } = over
  await sql`insert into outbox (id, project_id, user_id, kind, recipient, created_at)
    values (${id}, ${project.id}, ${user.id}, ${kind}, ${recipient}, now() - make_interval(secs => ${ageSeconds}))`
  return id
}

const allSent = (ids: readonly string[]) =>
  until(
    async () => (await sql`select 1 from outbox where id in ${sql(ids)} and sent_at is null`).length === 0,
    30_000,
  )

/** What earlier tests left behind would be sent as well. */
const nothingOwed = () => sql`delete from outbox`

t.test('five hundred mails leave once each, though the server dies halfway and comes back', async (t) => {
  await nothingOwed()
  const sink = await startSmtpSink()
  t.teardown(() => sink.close())
  const users = await sql<{ id: number }[]>`insert into users (uuid, project_id, email, metadata)
    select gen_random_uuid(), ${project.id}, 'many-' || n || '@example.com', '{}' from generate_series(1, 500) n
    returning id`
  const rows = await sql<{ id: string }[]>`insert into outbox (id, project_id, user_id, kind)
    select gen_random_uuid(), ${project.id}, id, 'verify_email' from users where id in ${sql(users.map(({ id }) => id))}
    returning id`
  const ids = rows.map(({ id }) => id)
  const logs: string[] = []
  const jobs = [1, 2].map(() =>
    startMailJob({
      services,
      mailer: createSmtpMailer({ url: sink.url, from: 'Test <no-reply@example.com>' }),
      publicUrl: 'https://auth.example.com',
      log: createLogger('debug', { write: (line) => logs.push(line) }),
      pollMs: 20,
    }),
  )
  t.teardown(() => Promise.all(jobs.map((job) => job.stop())))
  await sink.dieAt(250)
  await sleep(1500)
  t.equal(sink.accepted.length, 250, 'nothing arrives while it is away')
  const [burnt] =
    await sql`select max(attempts)::int as most, count(dead_at)::int as dead from outbox where id in ${sql(ids)}`
  t.match(burnt, { dead: 0 })
  t.ok(burnt?.most <= 2, `an outage uses up no attempts: ${burnt?.most}`)
  await sink.revive()
  await allSent(ids)
  t.same([...sink.accepted].sort(), [...ids].sort(), 'none twice, none lost')
  t.notMatch(logs.join(), /svt_|token=/)
})

t.test('while the server takes no mail one is tried at a time, less and less often', async (t) => {
  await nothingOwed()
  const mails = await Promise.all(Array.from({ length: 20 }, () => owed()))
  let tries = 0
  let away = true
  const { sent } = mailJobWith(t, () => {
    if (!away) return
    tries++
    throw new MailError('mail not sent: connect ECONNREFUSED', false, true)
  })
  const begun = performance.now()
  await until(() => tries >= 22)
  const seconds = (performance.now() - begun) / 1000
  t.ok(seconds > 2.3, `all at first, one after about a second, one after two more: ${seconds} s`)
  await sleep(500)
  t.equal(tries, 22)
  for (const { row } of mails)
    t.match(await row(), { dead_at: null, attempts: 0, last_error: /ECONNREFUSED/ })
  away = false
  await allSent(mails.map(({ id }) => id))
  t.equal(sent.length, 20)
})

t.test(
  'of two mails for one purpose the later request carries the link that works, in whatever order they leave',
  async (t) => {
    await nothingOwed()
    const { id: newest, user } = await owed()
    const older = await owe(user, 'verify_email', { ageSeconds: 60 })
    const { sent } = mailJobWith(t, () => {})
    await allSent([newest, older])
    t.same(
      sent.map(({ id }) => id),
      [newest],
      'the older one would have brought a dead link',
    )
    const late = await owe(user, 'verify_email', { ageSeconds: 90 })
    await allSent([late])
    t.equal(sent.length, 1)
    await confirmEmail(context(), { token: tokenOf(sent[0]) })
  },
)

/** What a mail job mints for a mail that is to verify the address of `user`. */
const verificationOf = (id: string, user: UserRow) =>
  ({ id, queuedAt: user.createdAt, project, user, purpose: 'verify_email', email: user.email }) as const

t.test('a mail that is tried again late carries a link that lives its whole life from then on', async (t) => {
  await nothingOwed()
  const { id, user } = await owed()
  await takeMails(unscoped, 10, 0)
  const first = (await mintForMails(services, [verificationOf(id, user)])).get(id)
  await sql`update verification_tokens set expires_at = now() - interval '1 hour' where id = ${id}`
  const { sent } = mailJobWith(t, () => {})
  await allSent([id])
  t.equal(tokenOf(sent[0]), first?.token, 'the same link as in the first copy')
  await confirmEmail(context(), { token: tokenOf(sent[0]) })
})

t.test('an account that is removed while its mail is being made stands in nobody’s way', async (t) => {
  await nothingOwed()
  const { id, user } = await owed()
  const making = await sql.begin(async (tx) => {
    // Were the two to stand against each other, this one would notice first and fail.
    await tx`set local deadlock_timeout = '10ms'`
    await tx`select 1 from users where id = ${user.id} for update`
    const minted = mintForMails(services, [verificationOf(id, user)])
    await until(
      async () =>
        (
          await sql`select 1 from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'`
        ).length > 0,
    )
    await tx`delete from users where id = ${user.id}`
    return { minted }
  })
  t.same(await making.minted, new Map(), 'and nothing is owed any more')
})

t.test('a mail whose link was used already is not sent again', async (t) => {
  await nothingOwed()
  const { id, user } = await owed()
  await mintForMails(services, [verificationOf(id, user)])
  await sql`update verification_tokens set used_at = now() where id = ${id}`
  const { sent } = mailJobWith(t, () => {})
  await allSent([id])
  t.equal(sent.length, 0)
})

t.test('what is voided before it was sent does not come to life when it is sent', async (t) => {
  await nothingOwed()
  const { id, user } = await owed()
  const change = await owe(user, 'change_email', { recipient: 'thief@example.com' })
  const notice = await owe(user, 'password_changed')
  const held = await takeMails(unscoped, 10, 0)
  t.equal(held.length, 3, 'a mail job has taken them')
  await voidTokens(store, user.id, ['verify_email', 'reset_password', 'change_email'])
  const mint = { queuedAt: new Date(), project, user, email: user.email }
  const minted = await mintForMails(services, [
    { ...mint, id, purpose: 'verify_email' },
    { ...mint, id: change, purpose: 'change_email' },
  ])
  t.equal(minted.size, 0)
  const { sent } = mailJobWith(t, () => {})
  await allSent([notice])
  t.same(
    sent.map(({ kind }) => kind),
    ['password_changed'],
  )
})

t.test('every kind goes to whom it concerns, and says what it must', async (t) => {
  await nothingOwed()
  const { user } = await owed('address_taken')
  const old = 'old@example.com'
  await sql`update users set locale = 'de-AT' where id = ${user.id}`
  const ids = [
    await owe(user, 'reset_password'),
    await owe(user, 'password_changed'),
    await owe(user, 'change_email', { recipient: 'new@example.com' }),
    await owe(user, 'email_changed', { recipient: old }),
    await owe(user, 'new_device'),
  ]
  const { sent } = mailJobWith(t, () => {})
  await allSent(ids)
  const of = (kind: string) => sent.find((mail) => mail.kind === kind)
  t.match(of('reset_password')?.link, 'https://auth.example.com/account/reset-password?project=')
  t.match(of('reset_password')?.text, /Guten Tag Ada,/)
  t.equal(of('change_email')?.to, 'new@example.com')
  t.match(of('change_email')?.text, /^ {4}\d{6}$/m)
  t.equal(of('email_changed')?.to, old)
  t.match(of('email_changed')?.link, '/account/undo-email-change?')
  t.notMatch(of('email_changed')?.text, /^ {4}\d{6}$/m, 'a code of six digits is too little for a week')
  t.ok(of('email_changed')?.text.includes(`${user.email[0]}***@example.com`))
  t.equal(of('password_changed')?.link, undefined)
  t.equal(of('new_device')?.to, user.email)
})
