// PUT and DELETE /avatar, GET /avatars/{id}.
import type { FastifyRequest } from 'fastify'
import * as schemas from '../../../schemas/avatars.ts'
import {
  avatarExists,
  findAvatar,
  type OfferedPicture,
  putAvatar,
  removeAvatar,
} from '../../domain/accounts/avatars.ts'
import { isUuid } from '../../formats.ts'
import { readDataUri } from '../data-uri.ts'
import { onBehalfOf } from '../plugins/authenticate.ts'
import { invalidField, RequestProblem } from '../refusal.ts'
import { readHeader } from '../request-headers.ts'
import type { Api } from '../typebox.ts'
import type { RouteParts } from './parts.ts'

/** Room for a data URI of 500 000 characters in JSON, even if the client escapes every slash. */
const bodyLimit = 1_048_576

/** Headers of a picture: cached without limit, embeddable by every site, and sandboxed. */
const pictureHeaders = {
  'cache-control': 'public, max-age=31536000, immutable',
  'content-security-policy': "default-src 'none'; sandbox",
  'cross-origin-resource-policy': 'cross-origin',
}

/** The picture in a body: bytes under their own media type, or a data URI in JSON. */
function readPicture(request: FastifyRequest): OfferedPicture {
  const { body } = request
  if (Buffer.isBuffer(body)) {
    const [mediaType = ''] = (readHeader(request, 'content-type') ?? '').split(';')
    return { mediaType: mediaType.trim(), content: body }
  }
  const { avatar } = body as { avatar?: unknown }
  const sentence = typeof avatar === 'string' ? 'Must be a data URI of a picture in base64.' : 'Is required.'
  const picture = typeof avatar === 'string' ? readDataUri(avatar) : null
  if (!picture) throw invalidField('avatar', sentence)
  return picture
}

/** Whether If-None-Match names this ETag (RFC 9110 §13.1.2: the weak comparison). */
function names(header: string | undefined, etag: string): boolean {
  const tags = header?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? []
  return tags.includes(etag) || tags.includes('*')
}

export async function avatarRoutes(api: Api, { services, viewUser }: RouteParts): Promise<void> {
  const config = { access: 'user', key: 'profile:write', limit: 'read', impersonated: true } as const

  // In a scope of its own, so that no other route accepts bytes. The domain refuses media types that it does not store.
  await api.register(async (upload: Api) => {
    upload.addContentTypeParser(/^image\//i, { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    )
    upload.put('/avatar', { schema: schemas.putAvatar, config, bodyLimit }, async (request) => ({
      user: viewUser(await putAvatar(onBehalfOf(request), readPicture(request))),
    }))
  })

  api.delete('/avatar', { schema: schemas.deleteAvatar, config }, async (request, reply) => {
    await removeAvatar(onBehalfOf(request))
    return reply.code(204).send()
  })

  api.get(
    '/avatars/:id',
    { schema: schemas.getAvatar, config: { access: 'open', limit: 'none' } },
    async (request, reply) => {
      const id = request.params.id.toLowerCase()
      const etag = `"${id}"`
      const read = names(readHeader(request, 'if-none-match'), etag) ? avatarExists : findAvatar
      const avatar = isUuid(id) && (await read(services, id))
      if (!avatar) throw new RequestProblem('not_found')
      reply.headers({ ...pictureHeaders, etag })
      if (avatar === true) return reply.code(304).send()
      return reply.type(avatar.mediaType).send(avatar.content)
    },
  )
}
