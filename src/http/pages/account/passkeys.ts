// The acts of passkeys: added by the script of the pages, renamed and removed.
import { Value } from '@sinclair/typebox/value'
import { html } from 'ghtml'
import { RegistrationCredential } from '../../../../schemas/webauthn.ts'
import {
  addPasskey,
  passkeyRegistrationOptions,
  removePasskey,
  renamePasskey,
} from '../../../domain/credentials/passkeys.ts'
import type { AuthError } from '../../../domain/errors.ts'
import { isUuid } from '../../../formats.ts'
import type { Api } from '../../typebox.ts'
import { field, form } from '../controls.ts'
import { hrefOf } from '../hosted/visit.ts'
import type { Page } from '../layout.ts'
import { type AccountParts, addAct, type Typed } from './act.ts'
import { isName } from './profile.ts'
import { securitySection as section } from './security-page.ts'
import { type AccountVisit, back, innerPage, type Note, Refused } from './visit.ts'

const path = `${section.path}/passkeys`

/** The page on which a browser makes a passkey. @param options JSON of what it makes one with */
function newPasskeyPage(visit: AccountVisit, flow: string, options: string): Page {
  const { account, hosted } = visit.texts
  const name = field({
    ...{ name: 'name', label: account.passkeyName, hint: account.passkeyNameHint },
    attributesHtml: 'maxlength="100" autocomplete="off"',
  })
  return innerPage(
    visit,
    section.path,
    account.passkeyAdd,
    html`<p>${account.passkeyNewLead}</p>
!${form(
      hrefOf(visit, path),
      { flow },
      html`!${name}<input type="hidden" name="credential">
<noscript><p class="notice warn">${hosted.needsScript}</p></noscript>
<button type="button" data-create="${options}">${account.passkeyCreate}</button>
<p class="wrong" role="alert" hidden></p>`,
    )}
<p class="quiet end"><a href="${hrefOf(visit, section.path)}">${account.cancel}</a></p>`,
  )
}

/** A passkey's answer as the script sends it; null: it is none. */
function readCredential(text: string) {
  try {
    const credential: unknown = JSON.parse(text)
    return Value.Check(RegistrationCredential, credential) ? credential : null
  } catch {
    return null
  }
}

function explain({ texts }: AccountVisit, { code }: AuthError): Note | null {
  const { account } = texts
  const sentences: Readonly<Record<string, string>> = {
    passkey_flow_over: account.passkeyFailed,
    passkey_refused: account.passkeyFailed,
    passkey_exists: account.passkeyExists,
    passkey_limit_reached: account.passkeyLimit,
    passkey_missing: account.changedMeanwhile,
    last_way_in: account.lastWayIn,
    email_verification_required: account.verifyFirst,
  }
  const bad = sentences[code]
  return bad === undefined ? null : { bad }
}

const idIn = ({ texts }: AccountVisit, typed: Typed) =>
  isUuid(typed('id'))
    ? { id: typed('id').toLowerCase() }
    : new Refused({ bad: texts.account.changedMeanwhile })

/** Registers the acts. */
export function passkeyActs(api: Api, parts: AccountParts): void {
  addAct(api, parts, {
    ...{ path: `${path}/new`, section, explain, limit: 'read' },
    read: () => ({}),
    async act(visit) {
      const { flow, options } = await passkeyRegistrationOptions(visit.ctx, false)
      return newPasskeyPage(visit, flow, JSON.stringify(options))
    },
  })
  addAct(api, parts, {
    ...{ path, section, explain, limit: 'credential' },
    read({ texts }, typed) {
      const [flow, name] = [typed('flow'), typed('name').trim()]
      const credential = readCredential(typed('credential'))
      if (!credential || !isUuid(flow)) return new Refused({ bad: texts.account.passkeyFailed })
      if (!isName(name, 100)) return new Refused({ bad: texts.account.badName })
      return { flow, credential, name: name === '' ? null : name }
    },
    async act(visit, answer) {
      await addPasskey(visit.ctx, answer)
      return back(visit, section.path, 'passkey')
    },
  })
  addAct(api, parts, {
    ...{ path: `${path}/rename`, section, explain, limit: 'read' },
    read(visit, typed) {
      const [named, name] = [idIn(visit, typed), typed('name').trim()]
      if (named instanceof Refused) return named
      if (name === '' || !isName(name, 100)) return new Refused({ bad: visit.texts.account.badName })
      return { ...named, name }
    },
    async act(visit, { id, name }) {
      await renamePasskey(visit.ctx, id, name)
      return back(visit, section.path, 'passkeyRenamed')
    },
  })
  addAct(api, parts, {
    ...{ path: `${path}/remove`, section, explain, limit: 'read', fields: ['id'] },
    read: idIn,
    async act(visit, { id }) {
      await removePasskey(visit.ctx, id)
      return back(visit, section.path, 'passkeyRemoved')
    },
  })
}
