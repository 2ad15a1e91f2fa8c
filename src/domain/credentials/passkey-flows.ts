// Passkey flows: a challenge is sent to a client, which answers it once with the response of an authenticator.
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
  ceremonySeconds,
  mintChallenge,
  type PasskeyPurpose,
  type PasskeyUse,
  readChallenge,
} from './passkey-challenges.ts'

/** A client's answer to a flow. */
export interface FlowAnswer<Credential> {
  /** UUID; null for a second factor or step-up, whose flow follows from the signed challenge. */
  readonly flow: string | null
  readonly credential: Credential
}

/** The challenge of an answer; null if it is not for this client or these purposes, or has expired. */
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
 * Redeems the flow of a registration, whether or not its answer then proves right.
 * @param userId the account that must answer
 * @returns the flow's purpose, and its challenge in base64url
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
 * Redeems the flow of an assertion, whether or not its answer then proves right, and finds the passkey of the answer.
 * @param client the one with which the flow was begun
 * @returns the challenge in base64url; `found` is null if the project has no such passkey
 * @throws AuthError passkey_flow_over
 */
export async function redeemUse(
  ctx: Context,
  purpose: PasskeyUse,
  client: ChallengedClient,
  answer: FlowAnswer<AssertionJson>,
): Promise<{ readonly challenge: string; readonly found: PasskeyAndUser | null }> {
  const answered = answeredChallenge(ctx, [purpose], client, answer)
  const credentialId = Buffer.from(answer.credential.id, 'base64url')
  // A sign-in commits its session or its refusal before it is answered, which flushes this commit too.
  const isFlushedLater = purpose === 'sign_in'
  const redeemed =
    answered && (await spendProofAndFindPasskey(ctx.store, answered.read, credentialId, isFlushedLater))
  if (!redeemed) throw await refuseFlow(ctx)
  return { challenge: answered.challenge, found: redeemed.found }
}

/** Describes passkeys for an authenticator (`PublicKeyCredentialDescriptorJSON`). */
const describe = (passkeys: readonly PasskeyRow[]) =>
  passkeys.map((row) => ({
    type: 'public-key' as const,
    id: row.credentialId.toString('base64url'),
    ...(row.transports !== '' && { transports: row.transports.split(' ') }),
  }))

/** The names under which authenticators show an account. */
export const namesOf = ({ email, displayName }: Pick<UserRow, 'email' | 'displayName'>) => ({
  name: email,
  displayName: displayName ?? email,
})

/**
 * The user handle of an account (WebAuthn §4): the bytes of the project's UUID and of the account's, in base64url. It contains
 * the project because projects may share a domain, so that an unknown passkey can be told from one of another project.
 */
export const userHandleOf = ({ projectId, uuid }: Pick<UserRow, 'projectId' | 'uuid'>): string =>
  Buffer.from(`${projectId}${uuid}`.replaceAll('-', ''), 'hex').toString('base64url')

/** Whether a user handle belongs to this project. */
export const isHandleOf = (projectId: string, handle: string | null | undefined): boolean =>
  Buffer.from(handle ?? '', 'base64url')
    .toString('hex')
    .startsWith(projectId.replaceAll('-', ''))

/**
 * Begins a registration.
 * @returns the flow's UUID and the browser's options (`PublicKeyCredentialCreationOptionsJSON`, WebAuthn §5.1.9)
 */
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
    timeout: ceremonySeconds * 1000,
    excludeCredentials: describe(existing),
    authenticatorSelection: {
      residentKey: 'required' as const,
      requireResidentKey: true,
      // An upgrade shows no prompt, so it may be unable to verify the user. Every use of the passkey verifies them.
      userVerification: purpose === 'upgrade' ? ('preferred' as const) : ('required' as const),
    },
    attestation: 'none' as const,
    extensions: { credProps: true },
  }
  return { flow, options }
}

/**
 * Begins the use of a passkey.
 * @param asked.of the account that must answer, and its passkeys; null: the user chooses among those of the authenticator
 * @param asked.boundTo as in `ChallengedClient`
 * @returns the flow's UUID and the browser's options (WebAuthn §5.1.10)
 */
export function beginAssertion(
  ctx: Context,
  asked: {
    readonly purpose: PasskeyUse
    readonly of: { readonly user: Pick<UserRow, 'id'>; readonly passkeys: readonly PasskeyRow[] } | null
    readonly boundTo?: string | undefined
  },
): { readonly flow: string; readonly options: PasskeyRequestOptions } {
  const { id } = relyingPartyOf(ctx.project, ctx.services.publicUrl)
  const { purpose, boundTo } = asked
  const { flow, challenge } = mintChallenge(ctx, purpose, { userId: asked.of?.user.id ?? null, boundTo })
  const options = {
    challenge,
    timeout: ceremonySeconds * 1000,
    rpId: id,
    allowCredentials: describe(asked.of?.passkeys ?? []),
    userVerification: 'required' as const,
  }
  return { flow, options }
}
