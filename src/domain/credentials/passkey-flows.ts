// Flows: a challenge that was handed out and waits for the answer of an authenticator, once, from the client that asked.
import {
  type AssertionJson,
  challengeOf,
  passkeyAlgorithms,
  type RegistrationJson,
} from '../../crypto/webauthn.ts'
import type { UserRow } from '../../repositories/accounts/users.ts'
import type { PasskeyRow } from '../../repositories/credentials/passkeys.ts'
import {
  type PasskeyAndUser,
  spendProof,
  spendProofAndFindPasskey,
} from '../../repositories/credentials/spent-proofs.ts'
import { recordRefusal } from '../audit/audit.ts'
import type { Context, SignedInContext } from '../context.ts'
import { AuthError, type PasskeyRequestOptions } from '../errors.ts'
import { relyingPartyOf } from '../projects/relying-party.ts'
import {
  type ChallengedClient,
  challengeSeconds,
  mintChallenge,
  type PasskeyPurpose,
  readChallenge,
} from './passkey-challenges.ts'

export type { PasskeyPurpose }

/** What a client answers to a flow. */
export interface FlowAnswer<Credential> {
  /** UUID; null: the challenge that was signed says which, for the flow of a second factor or a step-up. */
  readonly flow: string | null
  readonly credential: Credential
}

/** The challenge that an answer names; null: it may not be answered by this client, for one of these purposes, or now. */
function answeredChallenge(
  ctx: Context,
  purposes: readonly PasskeyPurpose[],
  client: ChallengedClient,
  { flow, credential }: FlowAnswer<RegistrationJson | AssertionJson>,
) {
  const challenge = challengeOf(credential) ?? ''
  const read = readChallenge(ctx, challenge, client)
  if (!read || !purposes.includes(read.purpose)) return null
  return flow === null || flow.toLowerCase() === read.flow ? { challenge, read } : null
}

async function refuseFlow(ctx: Context): Promise<AuthError> {
  await recordRefusal(ctx, 'passkey_refused', 'passkey_flow_over', { account: ctx.actor?.user.uuid ?? null })
  return new AuthError('passkey_flow_over')
}

/**
 * Redeems the flow of a registration, whether or not the answer then turns out to be right.
 * @param userId the account that must answer
 * @returns what the flow was begun for, and its challenge in base64url
 * @throws AuthError passkey_flow_over
 */
export async function redeemRegistration(
  ctx: Context,
  userId: number,
  answer: FlowAnswer<RegistrationJson>,
): Promise<{ readonly purpose: PasskeyPurpose; readonly challenge: string }> {
  const answered = answeredChallenge(ctx, ['registration', 'upgrade'], { userId }, answer)
  if (!answered || !(await spendProof(ctx.store, answered.read))) throw await refuseFlow(ctx)
  return { purpose: answered.read.purpose, challenge: answered.challenge }
}

/**
 * Redeems the flow of a use, whether or not the answer then turns out to be right, and finds the passkey that it names.
 * @param client as the flow was begun with
 * @returns the challenge in base64url; `found` is null where the project has no such passkey
 * @throws AuthError passkey_flow_over
 */
export async function redeemUse(
  ctx: Context,
  purpose: PasskeyPurpose,
  client: ChallengedClient,
  answer: FlowAnswer<AssertionJson>,
): Promise<{ readonly challenge: string; readonly found: PasskeyAndUser | null }> {
  const answered = answeredChallenge(ctx, [purpose], client, answer)
  const credentialId = Buffer.from(answer.credential.id, 'base64url')
  // A sign-in commits again before it is answered: its session, or its refusal in the security log.
  const isFlushedLater = purpose === 'sign_in'
  const redeemed =
    answered && (await spendProofAndFindPasskey(ctx.store, answered.read, credentialId, isFlushedLater))
  if (!redeemed) throw await refuseFlow(ctx)
  return { challenge: answered.challenge, found: redeemed.found }
}

const transportsOf = ({ transports }: Pick<PasskeyRow, 'transports'>): string[] =>
  transports === '' ? [] : transports.split(' ')

/** Names passkeys to an authenticator (`PublicKeyCredentialDescriptorJSON`). */
const describe = (passkeys: readonly PasskeyRow[]) =>
  passkeys.map((row) => ({
    type: 'public-key' as const,
    id: row.credentialId.toString('base64url'),
    ...(row.transports !== '' && { transports: transportsOf(row) }),
  }))

/** How authenticators call an account. */
export const namesOf = ({ email, displayName }: Pick<UserRow, 'email' | 'displayName'>) => ({
  name: email,
  displayName: displayName ?? email,
})

/**
 * The user handle of an account (WebAuthn §4): the bytes of the project's UUID and of the account's, in base64url. The project
 * is in it because projects may share a domain: a passkey that one does not know may be another one's.
 */
export const userHandleOf = ({ projectId, uuid }: Pick<UserRow, 'projectId' | 'uuid'>): string =>
  Buffer.from(`${projectId}${uuid}`.replaceAll('-', ''), 'hex').toString('base64url')

/** Whether a user handle is one that this project gave out. */
export const isHandleOf = (projectId: string, handle: string | null | undefined): boolean =>
  Buffer.from(handle ?? '', 'base64url')
    .toString('hex')
    .startsWith(projectId.replaceAll('-', ''))

/** Hands out the options of a registration (`PublicKeyCredentialCreationOptionsJSON`, WebAuthn §5.1.9). */
export function beginRegistration(
  ctx: SignedInContext,
  user: UserRow,
  existing: readonly PasskeyRow[],
  purpose: 'registration' | 'upgrade',
) {
  const { id, name } = relyingPartyOf(ctx.project, ctx.services.publicUrl)
  const { flow, challenge } = mintChallenge(ctx, purpose, { userId: user.id })
  const options = {
    rp: { id, name },
    user: { id: userHandleOf(user), ...namesOf(user) },
    challenge,
    pubKeyCredParams: passkeyAlgorithms.map((alg) => ({ type: 'public-key' as const, alg })),
    timeout: challengeSeconds * 1000,
    excludeCredentials: describe(existing),
    authenticatorSelection: {
      residentKey: 'required' as const,
      requireResidentKey: true,
      // A registration without asking may be unable to verify the person; every use verifies them.
      userVerification: purpose === 'upgrade' ? ('preferred' as const) : ('required' as const),
    },
    attestation: 'none' as const,
    extensions: { credProps: true },
  }
  return { flow, options }
}

/**
 * Hands out the options of a use (`PublicKeyCredentialRequestOptionsJSON`, WebAuthn §5.1.10).
 * @param asked.of the account that must answer, and its passkeys; null: the person chooses among those of their authenticator
 */
export function beginAssertion(
  ctx: Context,
  asked: {
    readonly purpose: Exclude<PasskeyPurpose, 'registration' | 'upgrade'>
    readonly of: { readonly user: Pick<UserRow, 'id'>; readonly passkeys: readonly PasskeyRow[] } | null
    readonly boundTo?: string | undefined
  },
): { readonly flow: string; readonly options: PasskeyRequestOptions } {
  const { id } = relyingPartyOf(ctx.project, ctx.services.publicUrl)
  const { purpose, boundTo } = asked
  const { flow, challenge } = mintChallenge(ctx, purpose, { userId: asked.of?.user.id ?? null, boundTo })
  const options = {
    challenge,
    timeout: challengeSeconds * 1000,
    rpId: id,
    allowCredentials: describe(asked.of?.passkeys ?? []),
    userVerification: 'required' as const,
  }
  return { flow, options }
}
