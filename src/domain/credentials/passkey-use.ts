// Verifies assertions of passkeys.
import { type AssertionJson, verifyAssertion } from '../../crypto/webauthn.ts'
import type { UserRow } from '../../repositories/accounts/users.ts'
import {
  listPasskeys,
  type PasskeyRow,
  touchPasskey,
  type UsedPasskey,
} from '../../repositories/credentials/passkeys.ts'
import type { PasskeyAndUser } from '../../repositories/credentials/spent-proofs.ts'
import { shownCaller } from '../actor.ts'
import { record, recordRefusal } from '../audit/audit.ts'
import { type Context, inTransaction } from '../context.ts'
import { AuthError } from '../errors.ts'
import { notify } from '../mail/notify.ts'
import { relyingPartyOf } from '../projects/relying-party.ts'
import type { AuthenticationMethod } from '../sessions/authenticated.ts'
import type { PasskeyUse } from './passkey-challenges.ts'
import { beginAssertion, type FlowAnswer, isHandleOf, redeemUse, userHandleOf } from './passkey-flows.ts'

/** An account, and its passkey whose authenticator verified the user. */
export interface ProvenByPasskey {
  readonly user: UserRow
  readonly passkey: PasskeyRow
  readonly used: UsedPasskey
  /** RFC 8176 §2: `swk` if the key may be on several devices, else `hwk`. With the verification of the user, `acr` is 2. */
  readonly amr: readonly AuthenticationMethod[]
}

/** An answer to a flow, and the flow's purpose. All but a sign-in are for one account. */
export type PasskeyAssertion = FlowAnswer<AssertionJson> &
  (
    | { readonly purpose: 'sign_in' }
    | {
        readonly purpose: Exclude<PasskeyUse, 'sign_in'>
        readonly userId: number
        readonly boundTo?: string
      }
  )

/** Begins a sign-in by passkey, which names no account. */
export const passkeySignInOptions = (ctx: Context) => beginAssertion(ctx, { purpose: 'sign_in', of: null })

/**
 * Begins the use of a passkey as second factor or for a step-up.
 * @param boundTo as in `ChallengedClient`
 * @returns null if the account has no passkey
 */
export async function passkeyRequestOptions(
  ctx: Context,
  purpose: Exclude<PasskeyUse, 'sign_in'>,
  user: Pick<UserRow, 'id'>,
  boundTo?: string,
) {
  const passkeys = await listPasskeys(ctx.store, user.id)
  return passkeys.length === 0 ? null : beginAssertion(ctx, { purpose, of: { user, passkeys }, boundTo })
}

/**
 * Verifies an assertion, once, and marks its passkey as used. A counter that decreased is refused, recorded and reported by mail,
 * because the key may have been copied (WebAuthn §6.1.1).
 * @throws AuthError passkey_flow_over, passkey_unknown, passkey_refused
 */
export async function verifyPasskeyAssertion(
  ctx: Context,
  given: PasskeyAssertion,
): Promise<ProvenByPasskey> {
  const proven = await checkPasskeyAssertion(ctx, given)
  await markPasskeyUsed(ctx, proven)
  return proven
}

/**
 * Verifies an assertion, once. The caller marks its passkey as used.
 * @throws AuthError passkey_flow_over, passkey_unknown, passkey_refused
 */
export async function checkPasskeyAssertion(ctx: Context, given: PasskeyAssertion): Promise<ProvenByPasskey> {
  const { credential, purpose } = given
  const { userId, boundTo } = given.purpose === 'sign_in' ? { userId: null } : given
  const { challenge, found } = await redeemUse(ctx, purpose, { userId, boundTo }, given)
  if (!found) throw await refuseUnknown(ctx, credential)
  const { passkey, user } = found
  const { id: rpId, origins } = relyingPartyOf(ctx.project, ctx.services.publicUrl)
  const use = await checkUse(found, userId, credential, () =>
    verifyAssertion(credential, passkey.publicKey, { challenge, rpId, origins }),
  )
  if (typeof use === 'string') throw await refusePasskey(ctx, user, use)
  const { signCount, backupEligible, backedUp } = use
  const used = { passkeyId: passkey.id, signCount, backupEligible, backedUp }
  return { user, passkey, used, amr: [backupEligible ? 'swk' : 'hwk', 'user'] }
}

/** Marks a passkey as used. @throws AuthError passkey_refused if its counter decreased */
export async function markPasskeyUsed(ctx: Context, { user, passkey, used }: ProvenByPasskey): Promise<void> {
  if (!(await touchPasskey(ctx.store, used))) throw await refuseCounter(ctx, user, passkey)
}

/** @returns the reason to refuse an assertion, or the data that its authenticator signed */
async function checkUse(
  { passkey, user }: PasskeyAndUser,
  userId: number | null,
  { response }: AssertionJson,
  verify: () => ReturnType<typeof verifyAssertion>,
) {
  if (userId !== null && user.id !== userId) return 'passkey_of_another_account'
  // A discoverable credential must name its account (WebAuthn §7.2 step 6). If the account is known, it may omit it.
  const handle = response.userHandle ?? (userId === null ? '' : null)
  if (!fitsHandle(passkey, user, handle)) return 'wrong_user_handle'
  const use = await verify()
  if (use.kind === 'refused') return use.reason
  if (!use.userVerified) return 'user_not_verified'
  // Backup eligibility never changes (WebAuthn §7.2 step 18). Imported passkeys may lack it.
  const isRegisteredHere = passkey.userHandle === null
  return isRegisteredHere && use.backupEligible !== passkey.backupEligible
    ? 'backup_eligibility_changed'
    : use
}

/**
 * Whether `handle` is the user handle of a passkey's account. An imported passkey may have an unknown handle (stored as
 * empty): then any handle fits, because the signature identifies the passkey.
 * @param handle base64url; null: the authenticator sent none
 */
function fitsHandle(passkey: PasskeyRow, user: UserRow, handle: string | null): boolean {
  if (handle === null) return true
  if (passkey.userHandle?.length === 0) return handle !== ''
  return handle === (passkey.userHandle?.toString('base64url') ?? userHandleOf(user))
}

const method = { method: 'passkey' }

/**
 * Refuses an unknown passkey. The refusal has the credential's id only if this project registered it: clients let the
 * authenticator forget that credential, and one of another project on the same domain must stay.
 */
async function refuseUnknown(ctx: Context, { id, response }: AssertionJson): Promise<AuthError> {
  await recordRefusal(ctx, 'passkey_refused', 'passkey_unknown', { details: method })
  const isOurs = isHandleOf(ctx.project.id, response.userHandle)
  return new AuthError('passkey_unknown', isOurs ? { credentialId: id } : {})
}

/** Records the refusal of an assertion. @returns the refusal, to be thrown */
export async function refusePasskey(
  ctx: Context,
  { uuid: account }: UserRow,
  reason: string,
): Promise<AuthError> {
  await recordRefusal(ctx, 'passkey_refused', reason, { account, details: method })
  return new AuthError('passkey_refused', {}, reason)
}

async function refuseCounter(ctx: Context, user: UserRow, { name }: PasskeyRow): Promise<AuthError> {
  await inTransaction(ctx, async (tx) => {
    await record(tx, 'passkey_counter_back', { userId: user.id, outcome: 'refused' })
    const details = { passkey: name, ...shownCaller(ctx.caller) }
    await notify(tx, 'passkey_counter_back', { user, details })
  })
  return refusePasskey(ctx, user, 'counter_went_back')
}
