// The pages where mail links lead, in a real browser: readable on a phone and a desk, by day and night, without script.
import type { Browser, Page } from 'playwright-core'
import t from 'tap'
import { bearer, startTestApp } from '../support/app.ts'
import { findChromium, launchChromium, openContext } from '../support/browser.ts'

const noBrowser = 'there is no Chromium here'
const path = findChromium()
const browser: Browser | null = path ? await launchChromium(path) : null
t.teardown(() => browser?.close())
/** Skips, with a word, what needs the browser where there is none. */
const optional = browser ? {} : { skip: noBrowser }
const app = await startTestApp(t)
const phone = { width: 390, height: 844 }
const desk = { width: 1280, height: 800 }

/** Opens a link as a person does; scripts are off, and whatever a page complains about is kept. */
async function visit(link: string, viewport = phone): Promise<{ page: Page; complaints: string[] }> {
  if (!browser) throw new Error('There is no browser.')
  const context = await openContext(t, browser, { viewport, javaScriptEnabled: false })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== app.url) complaints.push(`asked ${request.url()}`)
  })
  await page.goto(link)
  return { page, complaints }
}

async function newest(address: string, kind: string) {
  for (let i = 0; i < 160; i++) {
    const mail = (await app.mailbox.all()).filter((one) => one.to === address && one.kind === kind).at(-1)
    if (mail?.link) return mail.link
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`No ${kind} came for ${address}.`)
}

/** Nothing is cut off at the side, and everything to press or fill is large enough for a thumb. */
async function isUsable(page: Page): Promise<void> {
  const width = page.viewportSize()?.width ?? 0
  for (const box of await page.locator('main, button, input:not([type=hidden])').all()) {
    const bounds = await box.boundingBox()
    t.ok(bounds && bounds.x >= 0 && bounds.x + bounds.width <= width, 'within the screen')
    t.ok(bounds && bounds.height >= 40, 'large enough')
  }
}

t.test('a new password is chosen on the page of the mail, once', optional, async (t) => {
  const user = await app.signUp()
  await app.api('POST', '/forgot-password', { body: { email: user.email } })
  const link = await newest(user.email, 'reset_password')
  for (const viewport of [phone, desk]) {
    const { page } = await visit(link, viewport)
    await isUsable(page)
    await page.context().close()
  }
  const { page, complaints } = await visit(link)
  t.equal(await page.getByRole('heading').innerText(), 'Choose a new password')
  await page.getByLabel('New password').fill('a pass phrase of a person')
  await page.getByRole('button').click()
  t.equal(await page.getByRole('heading').innerText(), 'Your password has been changed')
  t.same(complaints, [])
  const body = { email: user.email, password: 'a pass phrase of a person' }
  t.equal((await app.api('POST', '/login', { body })).status, 200)
  const again = await visit(link)
  t.equal(await again.page.getByRole('heading').innerText(), 'This link no longer works')
  await Promise.all([page.context().close(), again.page.context().close()])
})

t.test(
  'a password that the browser did not check is refused with a word, and the link lives on',
  optional,
  async (t) => {
    const user = await app.signUp()
    await app.api('POST', '/forgot-password', { body: { email: user.email } })
    const link = new URL(await newest(user.email, 'reset_password'))
    const form = new URLSearchParams({
      project: link.searchParams.get('project') ?? '',
      token: link.searchParams.get('token') ?? '',
      password: 'short',
    })
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await app.send('POST', '/account/reset-password', { headers, body: form.toString() })
    t.equal(answer.status, 422)
    t.match(answer.body, /role="alert">Please choose at least 8 characters/)
    t.notMatch(answer.body, /value="short"/)
    const { page } = await visit(link.href)
    t.equal(await page.getByRole('heading').innerText(), 'Choose a new password')
    await page.context().close()
  },
)

t.test('an address is changed, and the change taken back, by one click each', optional, async (t) => {
  const user = await app.signUp()
  const to = `new-${user.email}`
  await app.api('POST', '/change-email', {
    headers: bearer(user),
    body: { new_email: to, current_password: user.password },
  })
  for (const [address, kind, done] of [
    [to, 'change_email', 'Your address has changed'],
    [user.email, 'email_changed', 'Your old address is restored'],
  ] as const) {
    const { page, complaints } = await visit(await newest(address, kind))
    await isUsable(page)
    if (kind === 'change_email') await page.getByLabel('Password').fill(user.password)
    await page.getByRole('button').click()
    t.equal(await page.getByRole('heading').innerText(), done)
    t.same(complaints, [])
    await page.context().close()
  }
  const [row] = await app.sql`select email from users where email in (${user.email}, ${to})`
  t.equal(row?.email, user.email)
})

t.test('an invitation is accepted on the page of the mail, with a password', optional, async (t) => {
  const [admin, guest] = [await app.signUp(), await app.signUp()]
  await app.sql`update users set email_verified_at = now() where email in (${admin.email}, ${guest.email})`
  const made = await app.api('POST', '/teams', { headers: bearer(admin), body: { name: 'Rockets' } })
  await app.api('POST', `/teams/${made.body.id}/invitations`, {
    headers: bearer(admin),
    body: { email: guest.email, role: 'VIEWER' },
  })
  const { page, complaints } = await visit(await newest(guest.email, 'team_invitation'))
  await isUsable(page)
  t.equal(await page.getByRole('heading').innerText(), 'Join the team Rockets')
  await page.getByLabel('Password').fill(guest.password)
  await page.getByRole('button').click()
  t.equal(await page.getByRole('heading').innerText(), 'You are in the team Rockets')
  t.same(complaints, [])
  await page.context().close()
  const { body } = await app.api('GET', '/teams', { headers: bearer(guest) })
  t.match(body.data, [{ name: 'Rockets', role: 'VIEWER' }])
})

t.test('opening a link consumes nothing, by GET or HEAD, however often', async (t) => {
  const user = await app.signUp()
  await app.api('POST', '/forgot-password', { body: { email: user.email } })
  const link = new URL(await newest(user.email, 'reset_password'))
  for (const method of ['GET', 'HEAD', 'GET', 'HEAD'])
    t.equal((await app.send(method, link.pathname + link.search)).status, 200)
  const body = { token: link.searchParams.get('token'), password: 'another good password' }
  t.equal((await app.api('POST', '/reset-password', { body })).status, 200)
})
