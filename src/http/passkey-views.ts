// How the canonical API shows passkeys.
import { Passkey } from '../../schemas/passkeys.ts'
import type { OwnPasskeys } from '../domain/credentials/passkeys.ts'
import type { PasskeyRow } from '../repositories/credentials/passkeys.ts'
import { viewOf } from './schema-view.ts'

const showPasskey = viewOf(Passkey)

/** A passkey as its owner sees it. */
export const passkeyView = ({ transports, ...row }: PasskeyRow) =>
  showPasskey({ ...row, transports: transports === '' ? [] : transports.split(' ') })

/** The list, with what a browser tells its authenticators. */
export const passkeyListView = ({ passkeys, rpId, userHandle, name, displayName }: OwnPasskeys) => ({
  data: passkeys.map(passkeyView),
  signals: {
    rp_id: rpId,
    user_id: userHandle,
    all_accepted_credential_ids: passkeys.map(({ credentialId }) => credentialId.toString('base64url')),
    name,
    display_name: displayName,
  },
})
