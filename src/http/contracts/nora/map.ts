// Nora's words for ours, both ways. Pure.
import type { Static } from '@sinclair/typebox'
import type { oauthLogin, updateProfile } from '../../../../schemas/contracts/nora.ts'
import { maxDataUriLength, type OfferedPicture, toDataUri } from '../../../domain/avatars.ts'
import type { ProfilePatch } from '../../../domain/profile.ts'
import type { SocialProof } from '../../../domain/social.ts'
import type { AvatarRow } from '../../../repositories/avatars.ts'
import type { UserRow } from '../../../repositories/users.ts'
import { readDataUri } from '../../data-uri.ts'
import { RequestProblem } from '../../refusal.ts'

const refused = (sentence: string) =>
  new RequestProblem('validation_failed', { errors: { body: [sentence] } })

/** What a profile update names: a name, a picture, or null for no picture. @throws RequestProblem with Nora's sentence */
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

/** @throws RequestProblem with Nora's sentence */
export function proofOf(body: Static<typeof oauthLogin.body>): SocialProof {
  const { provider, oauthIdToken, oauthAccessToken, nonce } = body
  const bound = nonce === undefined ? {} : { nonce }
  if (oauthIdToken !== undefined) return { provider, idToken: oauthIdToken, ...bound }
  if (oauthAccessToken !== undefined) return { provider, accessToken: oauthAccessToken }
  throw refused('Provider and token required')
}

/** Claims that Nora's clients read from an access token, beside ours. */
export const claimsOf = ({ uuid, email, role }: UserRow) => ({ id: uuid, email, role })

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
