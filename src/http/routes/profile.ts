// PATCH /profile.
import type { Static } from '@sinclair/typebox'
import { updateProfile } from '../../../schemas/profile.ts'
import type { Profile, ProfilePatch } from '../../domain/profile.ts'
import { callerOf } from '../caller.ts'
import { onBehalfOf } from '../plugins/authenticate.ts'
import { RequestProblem } from '../refusal.ts'
import type { Api } from '../typebox.ts'
import type { UserView } from '../views.ts'

const refused = (field: string, sentence: string) =>
  new RequestProblem('validation_failed', { errors: { [field]: [sentence] } })

/** The one spelling of a language tag (RFC 5646 §2.1.1, ECMA-402 §6.2.3). */
function canonicalLocale(tag: string): string | null {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? null
  } catch {
    throw refused('locale', 'Must be a language tag, like "de" or "zh-Hant".')
  }
}

/** What the body names, in the domain's words. */
function patchOf(body: Static<typeof updateProfile.body>): ProfilePatch {
  const { display_name, first_name, last_name, metadata, locale } = body
  const patch: ProfilePatch = {
    ...(display_name === undefined ? {} : { displayName: display_name }),
    ...(first_name === undefined ? {} : { firstName: first_name }),
    ...(last_name === undefined ? {} : { lastName: last_name }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(locale === undefined ? {} : { locale: locale === null ? null : canonicalLocale(locale) }),
  }
  if (Object.keys(patch).length > 0) return patch
  throw refused('body', 'Must name at least one of display_name, first_name, last_name, metadata, locale.')
}

export interface ProfileRoutes {
  readonly profile: Profile
  readonly viewUser: UserView
}

export async function profileRoutes(api: Api, { profile, viewUser }: ProfileRoutes): Promise<void> {
  api.patch(
    '/profile',
    { schema: updateProfile, config: { access: 'user', key: 'profile:write', limit: 'read' } },
    async (request) => {
      const patch = patchOf(request.body)
      const user = await profile.update(request.project, onBehalfOf(request), callerOf(request), patch)
      return { user: viewUser(user) }
    },
  )
}
