// The passkeys of an account: its owner adds, lists, renames and removes them.
import { randomUUID } from 'node:crypto'
import { type RegistrationJson, verifyRegistration } from '../../crypto/webauthn.ts'
import { findUser, isHolderProven, lockUser, type UserRow } from '../../repositories/accounts/users.ts'
import * as rows from '../../repositories/credentials/passkeys.ts'
import { shownCaller } from '../actor.ts'
import { record, recordRefusal } from '../audit/audit.ts'
import { type Context, inTransaction, type SignedInContext } from '../context.ts'
import { AuthError } from '../errors.ts'
import { notify } from '../mail/notify.ts'
import { relyingPartyOf } from '../projects/relying-party.ts'
import { authenticatorName } from './authenticators.ts'
import {
  beginRegistration,
  type FlowAnswer,
  namesOf,
  redeemRegistration,
  userHandleOf,
} from './passkey-flows.ts'
import { reauthenticate } from './reauthentication.ts'
import { hasOtherWayIn } from './ways-in.ts'

export const maxPasskeys = 25

/** Transports that are stored (WebAuthn §5.8.4); others are ignored. */
const knownTransports: ReadonlySet<string> = new Set([
  'usb',
  'nfc',
  'ble',
  'smart-card',
  'hybrid',
  'internal',
])

/** The passkeys of an account, and the arguments of the browser's signal methods (WebAuthn §5.1.10). */
export interface OwnPasskeys {
  readonly passkeys: readonly rows.PasskeyRow[]
  readonly rpId: string
  /** Base64url. */
  readonly userHandle: string
  readonly name: string
  readonly displayName: string
}

export async function listPasskeys(ctx: SignedInContext): Promise<OwnPasskeys> {
  const passkeys = await rows.listPasskeys(ctx.store, ctx.actor.user.id)
  const { id: rpId } = relyingPartyOf(ctx.project, ctx.services.publicUrl)
  const { user } = ctx.actor
  return { passkeys, rpId, userHandle: userHandleOf(user), ...namesOf(user) }
}

/**
 * Returns the account as it is now, if a passkey may be added to it. Its holder must have proven the address, so that a stranger
 * cannot add a passkey to an account made with another person's address.
 * @throws AuthError unauthenticated, email_verification_required
 */
function mustAllowPasskeys(ctx: SignedInContext, user: UserRow | null): UserRow {
  if (!user || user.disabledAt || user.epoch !== ctx.actor.user.epoch) throw new AuthError('unauthenticated')
  if (!isHolderProven(user)) throw new AuthError('email_verification_required')
  return user
}

/**
 * Begins the registration of a passkey. The session must have been authenticated recently.
 * @param isUpgrade whether the browser adds the passkey without a prompt, after a sign-in by password
 * @throws AuthError email_verification_required, passkey_limit_reached, unauthenticated; and as `reauthenticate`
 */
export async function passkeyRegistrationOptions(ctx: SignedInContext, isUpgrade: boolean) {
  await reauthenticate(ctx)
  const user = mustAllowPasskeys(ctx, await findUser(ctx.store, ctx.actor.user.id))
  const existing = await rows.listPasskeys(ctx.store, user.id)
  if (existing.length >= maxPasskeys) throw new AuthError('passkey_limit_reached')
  return beginRegistration(ctx, user, existing, isUpgrade ? 'upgrade' : 'registration')
}

/**
 * Adds the passkey that an authenticator made for a flow, and notifies the owner of the account.
 * @param answer.name the owner's name for it; null: the name of its authenticator
 * @throws AuthError passkey_flow_over, passkey_refused, passkey_exists, passkey_limit_reached, email_verification_required,
 *   unauthenticated
 */
export async function addPasskey(
  ctx: SignedInContext,
  { name, ...answer }: FlowAnswer<RegistrationJson> & { readonly name: string | null },
): Promise<rows.PasskeyRow> {
  const { user } = ctx.actor
  const { purpose, challenge } = await redeemRegistration(ctx, user.id, answer)
  const { id: rpId, origins } = relyingPartyOf(ctx.project, ctx.services.publicUrl)
  const made = await verifyRegistration(answer.credential, { challenge, rpId, origins })
  if (made.kind === 'refused') throw await refuseRegistration(ctx, made.reason)
  // An upgrade asks nothing of the user, so the authenticator may be unable to verify them (WebAuthn §7.1 step 15).
  if (purpose !== 'upgrade' && !(made.userPresent && made.userVerified))
    throw await refuseRegistration(ctx, 'user_not_verified')
  const { transports = [] } = answer.credential.response
  const passkey = {
    id: randomUUID(),
    userId: user.id,
    name: name ?? authenticatorName(made.aaguid),
    credentialId: made.credentialId,
    publicKey: made.publicKey,
    aaguid: made.aaguid,
    userHandle: null,
    backupEligible: made.backupEligible,
    backedUp: made.backedUp,
    signCount: made.signCount,
    transports: [...new Set(transports)].filter((word) => knownTransports.has(word)).join(' '),
  }
  return inTransaction(ctx, (tx) => insertUnderLock(tx, passkey))
}

/** Records the refusal of a registration. @returns the refusal, to be thrown */
async function refuseRegistration(ctx: SignedInContext, reason: string): Promise<AuthError> {
  await recordRefusal(ctx, 'passkey_refused', reason, { account: ctx.actor.user.uuid })
  return new AuthError('passkey_refused', {}, reason)
}

/** Inserts under the lock of the account, so that its state and number of passkeys cannot change after they are checked. */
async function insertUnderLock(tx: SignedInContext, passkey: rows.NewPasskey): Promise<rows.PasskeyRow> {
  const { userId } = passkey
  const user = mustAllowPasskeys(tx, await lockUser(tx.store, userId))
  if ((await rows.listPasskeys(tx.store, userId)).length >= maxPasskeys)
    throw new AuthError('passkey_limit_reached')
  const added = await rows.insertPasskey(tx.store, passkey)
  if (!added) throw new AuthError('passkey_exists')
  await record(tx, 'passkey_added', { userId })
  await notifyOwner(tx, 'passkey_added', user, added)
  return added
}

/** Notifies the owner of a change, with the client's device and network. */
function notifyOwner(
  tx: Context,
  kind: 'passkey_added' | 'passkey_removed',
  user: UserRow,
  { name }: rows.PasskeyRow,
): Promise<void> {
  return notify(tx, kind, { user, details: { passkey: name, ...shownCaller(tx.caller) } })
}

/** @throws AuthError passkey_missing */
export function renamePasskey(ctx: SignedInContext, id: string, name: string): Promise<rows.PasskeyRow> {
  const userId = ctx.actor.user.id
  return inTransaction(ctx, async (tx) => {
    const renamed = await rows.renamePasskey(tx.store, userId, id, name)
    if (!renamed) throw new AuthError('passkey_missing')
    await record(tx, 'passkey_renamed', { userId })
    return renamed
  })
}

/**
 * Removes a passkey, unless it is the only way to sign in, and notifies the owner of the account.
 * @throws AuthError passkey_missing, last_way_in, unauthenticated; and as `reauthenticate`
 */
export async function removePasskey(ctx: SignedInContext, id: string): Promise<void> {
  const userId = ctx.actor.user.id
  await reauthenticate(ctx)
  await inTransaction(ctx, async (tx) => {
    const user = await lockUser(tx.store, userId)
    if (!user) throw new AuthError('unauthenticated')
    const removed = (await rows.listPasskeys(tx.store, userId)).find((row) => row.id === id)
    if (!removed) throw new AuthError('passkey_missing')
    if (!(await hasOtherWayIn(tx, userId, id))) throw new AuthError('last_way_in')
    await rows.deletePasskey(tx.store, userId, id)
    await record(tx, 'passkey_removed', { userId })
    await notifyOwner(tx, 'passkey_removed', user, removed)
  })
}
