// The actions of the profile: names and picture.
import type { FastifyRequest } from 'fastify'
import { type OfferedPicture, putAvatar, removeAvatar } from '../../../domain/accounts/avatars.ts'
import { updateProfile } from '../../../domain/accounts/profile.ts'
import { readHeader } from '../../request-headers.ts'
import type { Api } from '../../typebox.ts'
import { isName } from '../hosted/typed.ts'
import { type AccountParts, addAction, addSection } from './action.ts'
import { addressActions } from './address.ts'
import { nameFields, profileSection } from './profile-page.ts'
import { back, Refused } from './visit.ts'

/** Bytes of a form with a picture: the longest stored picture, and the headers of its multipart. */
const pictureFormBytes = 524_288

function namesAction(api: Api, parts: AccountParts): void {
  addAction(api, parts, {
    path: '/account/names',
    limit: 'read',
    section: profileSection,
    fields: nameFields,
    read({ texts }, typed) {
      const bad = nameFields.find((name) => !isName(typed(name), 255))
      if (bad) return new Refused({ wrong: { [bad]: texts.account.badName } })
      const text = (name: string) => typed(name).trim() || null
      return { displayName: text('display_name'), firstName: text('first_name'), lastName: text('last_name') }
    },
    async run(visit, names) {
      await updateProfile(visit.ctx, names)
      return back(visit, '/account', 'names')
    },
  })
}

/** The picture of a form; null: none was chosen. */
function pictureIn(body: unknown): OfferedPicture | null {
  const { picture } = Object(body) as { picture?: Partial<OfferedPicture> }
  const { mediaType, content } = picture ?? {}
  return Buffer.isBuffer(content) && content.length > 0 && mediaType !== undefined
    ? { mediaType, content }
    : null
}

/** Registers the parser of multipart/form-data (RFC 7578), by Node's own: texts, and files as bytes with their media type. */
function acceptPictures(api: Api): void {
  api.addContentTypeParser(
    'multipart/form-data',
    { parseAs: 'buffer', bodyLimit: pictureFormBytes },
    async (request: FastifyRequest, body: Buffer) => {
      const headers = { 'content-type': readHeader(request, 'content-type') ?? '' }
      const fields: Record<string, unknown> = Object.create(null)
      try {
        for (const [name, value] of await new Response(new Uint8Array(body), { headers }).formData())
          fields[name] =
            typeof value === 'string'
              ? value
              : { mediaType: value.type, content: Buffer.from(await value.arrayBuffer()) }
      } catch {
        // A malformed form counts as one without a picture.
        return {}
      }
      return { ...fields }
    },
  )
}

function pictureActions(api: Api, parts: AccountParts): void {
  api.register(async (scope) => {
    const upload = scope as unknown as Api
    acceptPictures(upload)
    addAction(upload, parts, {
      path: '/account/picture',
      limit: 'read',
      section: profileSection,
      read: ({ texts }, _typed, body) =>
        pictureIn(body) ?? new Refused({ wrong: { picture: texts.account.pictureMissing } }),
      async run(visit, picture: OfferedPicture) {
        await putAvatar(visit.ctx, picture)
        return back(visit, '/account', 'picture')
      },
      explain: ({ account }) => ({
        picture_invalid: { wrong: { picture: account.pictureInvalid } },
        picture_too_large: { wrong: { picture: account.pictureTooLarge } },
      }),
    })
  })
  addAction(api, parts, {
    path: '/account/picture/remove',
    limit: 'read',
    section: profileSection,
    async run(visit) {
      await removeAvatar(visit.ctx)
      return back(visit, '/account', 'pictureRemoved')
    },
  })
}

/** Registers the section. */
export function profilePages(api: Api, parts: AccountParts): void {
  addSection(api, parts, profileSection)
  namesAction(api, parts)
  pictureActions(api, parts)
  addressActions(api, parts)
}
