// PATCH /profile.
import type { Static } from '@sinclair/typebox'
import { updateProfile as updateProfileSchema } from '../../../schemas/profile.ts'
import { type ProfilePatch, updateProfile } from '../../domain/accounts/profile.ts'
import { onBehalfOf } from '../plugins/authenticate.ts'
import { invalidField } from '../refusal.ts'
import type { Api } from '../typebox.ts'
import { readProfile } from '../views.ts'
import type { RouteParts } from './parts.ts'

/** The canonical spelling of a language tag (RFC 5646 §2.1.1, ECMA-402 §6.2.3). */
function canonicalLocale(tag: string): string | null {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? null
  } catch {
    // The only error is a RangeError: it is not a language tag.
    throw invalidField('locale', 'Must be a language tag, like "de" or "zh-Hant".')
  }
}

/** What the body names, in the domain's words. @throws RequestProblem validation_failed where it names nothing */
function readPatch(body: Static<typeof updateProfileSchema.body>): ProfilePatch {
  const { locale } = body
  const patch = readProfile(typeof locale === 'string' ? { ...body, locale: canonicalLocale(locale) } : body)
  if (Object.keys(patch).length > 0) return patch
  const fields = Object.keys(updateProfileSchema.body.properties)
  throw invalidField('body', `Must name at least one of ${fields.join(', ')}.`)
}

export async function profileRoutes(api: Api, { viewUser }: RouteParts): Promise<void> {
  const config = { access: 'user', key: 'profile:write', limit: 'read', impersonated: true } as const

  api.patch('/profile', { schema: updateProfileSchema, config }, async (request) => ({
    user: viewUser(await updateProfile(onBehalfOf(request), readPatch(request.body))),
  }))
}
