// Using a passkey: verifying that its owner did.
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
import {
  beginAssertion,
  type FlowAnswer,
  isHandleOf,
  type PasskeyPurpose,
  redeemUse,
  userHandleOf,
} from './passkey-flows.ts'

/** An account whose owner used one of its passkeys and was verified by its authenticator. */
export interface ProvenByPasskey {
  readonly user: UserRow
  readonly passkey: PasskeyRow
  readonly used: UsedPasskey
  /** RFC 8176 §2: `swk` where the key may be on several devices. Together with the person's verification `acr` is 2. */
  readonly amr: readonly AuthenticationMethod[]
}

type UsePurpose = Exclude<PasskeyPurpose, 'registration' | 'upgrade'>

/** An answer to a flow, and what the flow is for; all but a sign-in is for one account. */
export type PasskeyAssertion = FlowAnswer<AssertionJson> &
  (
    | { readonly purpose: 'sign_in' }
    | {
        readonly purpose: Exclude<UsePurpose, 'sign_in'>
        readonly userId: number
        readonly boundTo?: string
      }
  )

/** Hands out the options of a sign-in, the same for every address. */
export const passkeySignInOptions = (ctx: Context) => beginAssertion(ctx, { purpose: 'sign_in', of: null })

/**
 * Hands out the options of a second factor or a step-up; null where the account has no passkey.
 * @param boundTo the id of the sign-in that waits for its second factor; default: the session, or the client
 */
export async function passkeyRequestOptions(
  ctx: Context,
  purpose: Exclude<UsePurpose, 'sign_in'>,
  user: Pick<UserRow, 'id'>,
  boundTo?: string,
) {
  const passkeys = await listPasskeys(ctx.store, user.id)
  return passkeys.length === 0 ? null : beginAssertion(ctx, { purpose, of: { user, passkeys }, boundTo })
}

/**
 * Verifies the use of a passkey, once, and marks it as used. A counter that went back is refused, logged and told by mail: the
 * key may have been copied (WebAuthn §6.1.1).
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
 * Verifies the use of a passkey, once. The caller marks it as used.
 * @throws AuthError passkey_flow_over, passkey_unknown, passkey_refused
 */
export async function checkPasskeyAssertion(ctx: Context, given: PasskeyAssertion): Promise<ProvenByPasskey> {
  const { credential, purpose } = given
  const { userId, boundTo } = given.purpose === 'sign_in' ? { userId: null } : given
  const { challenge, found } = await redeemUse(ctx, purpose, { userId, boundTo }, given)
  if (!found) throw await unknown(ctx, credential)
  const { passkey, user } = found
  const { id: rpId, origins } = relyingPartyOf(ctx.project, ctx.services.publicUrl)
  const reason = await misuse(found, userId, credential, () =>
    verifyAssertion(credential, passkey.publicKey, { challenge, rpId, origins }),
  )
  if (typeof reason === 'string') throw await refusePasskey(ctx, user, reason)
  const { signCount, backupEligible, backedUp } = reason
  const used = { passkeyId: passkey.id, signCount, backupEligible, backedUp }
  return { user, passkey, used, amr: [backupEligible ? 'swk' : 'hwk', 'user'] }
}

/** Marks a passkey as used. @throws AuthError passkey_refused where its counter went back */
export async function markPasskeyUsed(ctx: Context, { user, passkey, used }: ProvenByPasskey): Promise<void> {
  if (!(await touchPasskey(ctx.store, used))) throw await refuseCounter(ctx, user, passkey)
}

/** @returns why a use is refused, or what the authenticator says about it */
async function misuse(
  { passkey, user }: PasskeyAndUser,
  userId: number | null,
  { response }: AssertionJson,
  verify: () => ReturnType<typeof verifyAssertion>,
) {
  if (userId !== null && user.id !== userId) return 'passkey_of_another_account'
  // A discoverable credential says whose it is (WebAuthn §7.2 step 6); where the account is known it need not.
  const handle = response.userHandle ?? (userId === null ? '' : null)
  if (!isCalledBy(passkey, user, handle)) return 'wrong_user_handle'
  const use = await verify()
  if (use.kind === 'refused') return use.reason
  if (!use.userVerified) return 'user_not_verified'
  // A key that could not be copied cannot become one that can, nor the reverse (WebAuthn §7.2 step 18).
  // Exports do not always have what the service knew of that.
  const isKnown = passkey.userHandle === null
  return isKnown && use.backupEligible !== passkey.backupEligible ? 'backup_eligibility_changed' : use
}

/**
 * Whether the authenticator of a passkey calls its account by `handle`; null: it does not say. Of a passkey that was registered
 * elsewhere the handle may not be known: its key, which signed, is then what says whose it is.
 */
function isCalledBy(passkey: PasskeyRow, user: UserRow, handle: string | null): boolean {
  if (handle === null) return true
  if (passkey.userHandle?.length === 0) return handle !== ''
  return handle === (passkey.userHandle?.toString('base64url') ?? userHandleOf(user))
}

const method = { method: 'passkey' }

/**
 * Only a passkey that this project gave out is named in the refusal, so that a client lets the authenticator forget it: one of
 * another project on the same domain must stay.
 */
async function unknown(ctx: Context, { id, response }: AssertionJson): Promise<AuthError> {
  await recordRefusal(ctx, 'passkey_refused', 'passkey_unknown', { details: method })
  const isOurs = isHandleOf(ctx.project.id, response.userHandle)
  return new AuthError('passkey_unknown', isOurs ? { credentialId: id } : {})
}

/** Refuses the use of a passkey. @returns the refusal, which the log has */
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
