// Nora's names for our fields, in requests and answers. Pure.
import type { Static } from '@sinclair/typebox'
import type { oauthLogin, updateProfile } from '../../../../schemas/contracts/nora.ts'
import { maxDataUriLength, type OfferedPicture, toDataUri } from '../../../domain/accounts/avatars.ts'
import type { ProfilePatch } from '../../../domain/accounts/profile.ts'
import type { SocialProof } from '../../../domain/social/sign-in.ts'
import type { AvatarRow } from '../../../repositories/accounts/avatars.ts'
import type { UserRow } from '../../../repositories/accounts/users.ts'
import { readDataUri } from '../../data-uri.ts'
import { invalidField } from '../../refusal.ts'

const refused = (sentence: string) => invalidField('body', sentence)

/** Reads a profile update: a name, a picture, or null for no picture. @throws RequestProblem with Nora's sentence */
export function changesOf({ name, avatar }: Static<typeof updateProfile.body>): ProfilePatch {
  if (name === undefined && avatar === undefined) throw refused('No fields to update')
  return {
    ...(name === undefined ? {} : { displayName: name.trim() }),
    ...(avatar === undefined ? {} : { picture: avatar === null ? null : pictureOf(avatar) }),
  }
}

function pictureOf(avatar: string): OfferedPicture {
  if (avatar.length > maxDataUriLength) throw refused('Image too large. Max 500KB.')
  const picture = readDataUri(avatar)
  if (!picture) throw refused('Invalid avatar format')
  return picture
}

/** Reads a provider's token. @throws RequestProblem with Nora's sentence */
export function proofOf(body: Static<typeof oauthLogin.body>): SocialProof {
  const { provider, oauthIdToken, oauthAccessToken, nonce } = body
  const bound = nonce === undefined ? {} : { nonce }
  if (oauthIdToken !== undefined) return { provider, idToken: oauthIdToken, ...bound }
  if (oauthAccessToken !== undefined) return { provider, accessToken: oauthAccessToken }
  throw refused('Provider and token required')
}

/** Additional claims that Nora's clients read from an access token. */
export const claimsOf = ({ uuid, email, emailVerifiedAt, role }: UserRow) => ({
  id: uuid,
  email,
  email_verified: emailVerifiedAt !== null,
  role,
})

export const createdView = ({ uuid, email }: UserRow) => ({ id: uuid, email })

export const profileView = ({ displayName }: UserRow, avatar: AvatarRow | null) => ({
  name: displayName,
  avatar: avatar && toDataUri(avatar),
})

export const userView = (user: UserRow, avatar: AvatarRow | null) => ({
  id: user.uuid,
  email: user.email,
  role: user.role,
  provider: user.provider,
  created_at: user.createdAt.toISOString(),
  ...profileView(user, avatar),
})
