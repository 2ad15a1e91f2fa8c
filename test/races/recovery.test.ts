// A recovery that races a thief who is in the account: whichever comes first, the account is the owner's afterwards.
import t from 'tap'
import { bearer, startTestApp } from '../support/app.ts'
import { mailOfKind, proveHolder } from '../support/factors.ts'

const app = await startTestApp(t, {
  policy: { verification: { resend_cooldown_seconds: 0 }, sessions: { notify_new_device: false } },
})
const chosen = 'chosen after the reset'
const login = (email: string, password: string) => app.api('POST', '/login', { body: { email, password } })

/** An account, a thief in it who has asked to move it to himself, and the owner's mail to choose a new password. */
async function robbed(n: number) {
  const owner = await app.signUp()
  await proveHolder(app, owner.email)
  const thief = await login(owner.email, owner.password)
  const address = `thief-${n}@example.com`
  const asked = await app.api('POST', '/change-email', {
    headers: bearer(thief),
    body: { new_email: address, current_password: owner.password },
  })
  await app.api('POST', '/forgot-password', { body: { email: owner.email } })
  const change = await mailOfKind(app, address, 'change_email')
  const reset = await mailOfKind(app, owner.email, 'reset_password')
  return { owner, thief, address, asked, change, reset }
}

t.test('the change of address and the reset at one moment: one of them is void', async (t) => {
  const first = { change: 0, reset: 0 }
  for (let n = 0; n < 12; n++) {
    const { owner, thief, address, asked, change, reset } = await robbed(n)
    t.ok(asked.status < 300, 'the change was asked for')
    // A reset hashes a password first: the change is held back by up to as long as that takes.
    const move = async () => {
      await new Promise((resolve) => setTimeout(resolve, n * 8))
      return app.api('POST', '/change-email/confirm', {
        headers: bearer(thief),
        body: { token: change.token },
      })
    }
    const recover = () =>
      app.api('POST', '/reset-password', { body: { token: reset.token, password: chosen } })
    const [moved, recovered] = await Promise.all([move(), recover()])
    const statuses = [moved.status, recovered.status]
    if (recovered.status === 200) {
      first.reset++
      t.same(statuses, [422, 200], 'the pending change is void')
      t.equal((await login(owner.email, chosen)).status, 200)
    } else {
      first.change++
      t.same(statuses, [200, 422], 'a reset of the former address is void')
      const undo = await mailOfKind(app, owner.email, 'email_changed')
      t.equal((await app.api('POST', '/change-email/undo', { body: { token: undo.token } })).status, 200)
    }
    t.equal((await app.api('GET', '/me', { headers: bearer(thief) })).status, 401, 'the thief is out')
    t.equal((await login(owner.email, owner.password)).status, 401, 'and so is the password he has')
    t.equal((await login(address, owner.password)).status, 401)
    const [row] = await app.sql`select count(*)::int as n from users where email = ${address}`
    t.equal(row?.n, 0, 'nothing is left at his address')
  }
  t.comment(`the reset came first ${first.reset} times, the change ${first.change} times`)
})

t.test('a reset and a change of the password by the thief at one moment: his session is over', async (t) => {
  for (let n = 20; n < 28; n++) {
    const { owner, thief, reset } = await robbed(n)
    const body = { current_password: owner.password, new_password: 'chosen by the thief' }
    const [changed, recovered] = await Promise.all([
      app.api('POST', '/change-password', { headers: bearer(thief), body }),
      app.api('POST', '/reset-password', { body: { token: reset.token, password: chosen } }),
    ])
    if (recovered.status !== 200) {
      // The change voids the mail that was sent before; the owner asks for another.
      t.equal(changed.status, 200)
      await app.api('POST', '/forgot-password', { body: { email: owner.email } })
      const mails = async () =>
        (await app.mailbox.all()).filter(({ to, kind }) => to === owner.email && kind === 'reset_password')
      while ((await mails()).length < 2) await new Promise((resolve) => setTimeout(resolve, 20))
      const again = (await mails()).at(-1)
      const second = await app.api('POST', '/reset-password', {
        body: { token: again?.token, password: chosen },
      })
      t.equal(second.status, 200)
    }
    t.equal((await login(owner.email, chosen)).status, 200)
    t.not((await login(owner.email, 'chosen by the thief')).status, 200)
    for (const tokens of [thief, changed])
      if (tokens.body.access_token)
        t.equal((await app.api('GET', '/me', { headers: bearer(tokens) })).status, 401)
  }
})
