// PUT and DELETE /avatar, GET /avatars/{id}.
import type { FastifyRequest } from 'fastify'
import { deleteAvatar, getAvatar, putAvatar } from '../../../schemas/avatars.ts'
import type { Avatars, OfferedPicture } from '../../domain/avatars.ts'
import { isUuid } from '../../domain/uuid.ts'
import { callerOf } from '../caller.ts'
import { readDataUri } from '../data-uri.ts'
import { onBehalfOf } from '../plugins/authenticate.ts'
import { RequestProblem } from '../refusal.ts'
import type { Api } from '../typebox.ts'
import type { UserView } from '../views.ts'

export interface AvatarRoutes {
  readonly avatars: Avatars
  readonly viewUser: UserView
}

/** Room for 500 000 characters of data URI in JSON, for programs that escape every slash of it too. */
const bodyLimit = 1_048_576

/** What a picture is served with: it is a picture and nothing else, wherever it is shown. */
const pictureHeaders = {
  'cache-control': 'public, max-age=31536000, immutable',
  'content-security-policy': "default-src 'none'; sandbox",
  'cross-origin-resource-policy': 'cross-origin',
}

/** The picture in a body: bytes under their own media type, or a data URI in JSON. */
function offered(request: FastifyRequest): OfferedPicture {
  const { body } = request
  if (Buffer.isBuffer(body)) {
    const [mediaType = ''] = (request.headers['content-type'] ?? '').split(';')
    return { mediaType: mediaType.trim(), content: body }
  }
  const { avatar } = body as { avatar?: unknown }
  const refusal = typeof avatar === 'string' ? 'Must be a data URI of a picture in base64.' : 'Is required.'
  const picture = typeof avatar === 'string' ? readDataUri(avatar) : null
  if (!picture) throw new RequestProblem('validation_failed', { errors: { avatar: [refusal] } })
  return picture
}

/** Whether If-None-Match names this ETag (RFC 9110 §13.1.2: the weak comparison). */
function names(header: string | undefined, etag: string): boolean {
  const tags = header?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? []
  return tags.includes(etag) || tags.includes('*')
}

export async function avatarRoutes(api: Api, { avatars, viewUser }: AvatarRoutes): Promise<void> {
  // In a scope of its own: no other route takes bytes. What is no picture is refused by name, not by 415.
  await api.register(async (upload: Api) => {
    upload.addContentTypeParser(/^image\//i, { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    )
    upload.put(
      '/avatar',
      { schema: putAvatar, config: { access: 'user', key: 'profile:write', limit: 'read' }, bodyLimit },
      async (request) => {
        const picture = offered(request)
        const user = await avatars.put(request.project, onBehalfOf(request), callerOf(request), picture)
        return { user: viewUser(user) }
      },
    )
  })

  api.delete(
    '/avatar',
    { schema: deleteAvatar, config: { access: 'user', key: 'profile:write', limit: 'read' } },
    async (request, reply) => {
      await avatars.remove(request.project, onBehalfOf(request), callerOf(request))
      return reply.code(204).send()
    },
  )

  api.get(
    '/avatars/:id',
    { schema: getAvatar, config: { access: 'open', limit: 'none' } },
    async (request, reply) => {
      const id = request.params.id.toLowerCase()
      const etag = `"${id}"`
      const isKnown = names(request.headers['if-none-match'], etag)
      if (isUuid(id)) {
        if (isKnown && (await avatars.exists(id)))
          return reply
            .code(304)
            .headers({ ...pictureHeaders, etag })
            .send()
        const avatar = isKnown ? null : await avatars.find(id)
        if (avatar)
          return reply
            .headers({ ...pictureHeaders, etag })
            .type(avatar.mediaType)
            .send(avatar.content)
      }
      throw new RequestProblem('not_found')
    },
  )
}
