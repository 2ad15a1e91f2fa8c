// Pages of second factors: the set-up of an authenticator app, and new recovery codes, which are shown once.
import { html } from 'ghtml'
import { qrSvg } from '../../qr.ts'
import { button, buttonLink, codeField, form, notice } from '../controls.ts'
import { hrefOf } from '../hosted/visit.ts'
import type { Page } from '../layout.ts'
import { cancelLink } from './elements.ts'
import { securitySection } from './security-page.ts'
import { type AccountVisit, innerPage, type Note } from './visit.ts'

const { path } = securitySection

/** The secret in an `otpauth:` URI, in groups of four characters; null: the URI is invalid. */
function secretIn(uri: string): string | null {
  if (!uri.startsWith('otpauth://totp/') || uri.length > 1024 || !URL.canParse(uri)) return null
  const secret = new URL(uri).searchParams.get('secret') ?? ''
  return /^[A-Z2-7]{16,128}$/.test(secret) ? (secret.match(/.{1,4}/g)?.join(' ') ?? null) : null
}

/** The page that shows the secret of a new authenticator and asks for its code. @param uri `otpauth://…`, with the secret */
export async function totpPage(visit: AccountVisit, uri: string, note: Note): Promise<Page> {
  const { account, hosted } = visit.texts
  const secret = secretIn(uri)
  if (secret === null) return securitySection.show(visit, { ...note, bad: hosted.expired })
  const qr = Buffer.from(await qrSvg(uri)).toString('base64')
  const input = codeField('code', hosted.code, note.wrong?.code ?? null)
  return innerPage(
    visit,
    path,
    account.totpTitle,
    html`<ol class="steps"><li><p>${account.totpScan}</p>
<img class="qr" src="data:image/svg+xml;base64,${qr}" alt="${account.qrAlt}" width="200" height="200">
<p class="quiet">${account.totpType}</p>
<p><code dir="ltr">${secret}</code></p></li>
<li><p>${account.totpProve}</p>
!${form(hrefOf(visit, `${path}/totp/confirm`), { uri }, input + button(account.totpConfirm))}</li></ol>
!${cancelLink(visit, path)}`,
    note,
  )
}

/** The page of new recovery codes. @param why the action that created them */
export function codesPage(visit: AccountVisit, codes: readonly string[], why: 'totp' | 'renewed'): Page {
  const { account } = visit.texts
  const done = why === 'totp' ? account.totpDone : account.codesDone
  const items = codes.map((code) => html`<li><code>${code}</code></li>`)
  return innerPage(
    visit,
    path,
    account.codesTitle,
    html`!${notice('good', done)}
<p>${account.codesKeep}</p>
<ol class="codes" dir="ltr">!${items.join('')}</ol>
<p class="quiet">${account.codesPrint}</p>
!${buttonLink(hrefOf(visit, path), account.codesKept)}`,
  )
}
