// The actions of passkeys: adding one by the script of the pages, renaming and removing.
import { html } from 'ghtml'
import { RegistrationCredential } from '../../../../schemas/webauthn.ts'
import {
  addPasskey,
  passkeyRegistrationOptions,
  removePasskey,
  renamePasskey,
} from '../../../domain/credentials/passkeys.ts'
import { isUuid } from '../../../formats.ts'
import type { Api } from '../../typebox.ts'
import { field, form, passkeyButton } from '../controls.ts'
import { isName, jsonIn } from '../hosted/typed.ts'
import { hrefOf } from '../hosted/visit.ts'
import type { Page } from '../layout.ts'
import type { Texts } from '../texts.ts'
import { type AccountParts, addAction, type Explained, readId } from './action.ts'
import { cancelLink } from './elements.ts'
import { securitySection as section } from './security-page.ts'
import { type AccountVisit, back, innerPage, Refused } from './visit.ts'

const path = `${section.path}/passkeys`

/** The page on which a browser creates a passkey. @param options JSON of `PublicKeyCredentialCreationOptions` */
function newPasskeyPage(visit: AccountVisit, flow: string, options: string): Page {
  const { account, hosted } = visit.texts
  const name = field({
    name: 'name',
    label: account.passkeyName,
    hint: account.passkeyNameHint,
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
      name +
        passkeyButton({
          kind: 'create',
          options,
          label: account.passkeyCreate,
          needsScript: hosted.needsScript,
        }),
    )}
!${cancelLink(visit, section.path)}`,
  )
}

const explain = ({ account }: Texts): Explained => ({
  passkey_flow_over: { bad: account.passkeyFailed },
  passkey_refused: { bad: account.passkeyFailed },
  passkey_exists: { bad: account.passkeyExists },
  passkey_limit_reached: { bad: account.passkeyLimit },
  passkey_missing: { bad: account.changedMeanwhile },
  last_way_in: { bad: account.lastWayIn },
  email_verification_required: { bad: account.verifyFirst },
})

/** Registers the actions. */
export function passkeyActions(api: Api, parts: AccountParts): void {
  addAction(api, parts, {
    path: `${path}/new`,
    section,
    explain,
    limit: 'read',
    async run(visit) {
      const { flow, options } = await passkeyRegistrationOptions(visit.ctx, false)
      return newPasskeyPage(visit, flow, JSON.stringify(options))
    },
  })
  addAction(api, parts, {
    path,
    section,
    explain,
    limit: 'credential',
    read({ texts }, typed) {
      const [flow, name] = [typed('flow'), typed('name').trim()]
      const credential = jsonIn(RegistrationCredential, typed('credential'))
      if (!credential || !isUuid(flow)) return new Refused({ bad: texts.account.passkeyFailed })
      if (!isName(name, 100)) return new Refused({ bad: texts.account.badName })
      return { flow, credential, name: name === '' ? null : name }
    },
    async run(visit, answer) {
      await addPasskey(visit.ctx, answer)
      return back(visit, section.path, 'passkey')
    },
  })
  addAction(api, parts, {
    path: `${path}/rename`,
    section,
    explain,
    limit: 'read',
    read(visit, typed) {
      const [named, name] = [readId(visit, typed), typed('name').trim()]
      if (named instanceof Refused) return named
      if (name === '' || !isName(name, 100)) return new Refused({ bad: visit.texts.account.badName })
      return { ...named, name }
    },
    async run(visit, { id, name }) {
      await renamePasskey(visit.ctx, id, name)
      return back(visit, section.path, 'passkeyRenamed')
    },
  })
  addAction(api, parts, {
    path: `${path}/remove`,
    section,
    explain,
    limit: 'read',
    fields: ['id'],
    read: readId,
    async run(visit, { id }) {
      await removePasskey(visit.ctx, id)
      return back(visit, section.path, 'passkeyRemoved')
    },
  })
}
