// The ordered feed of a project, and its webhooks.
import type { FastifyReply } from 'fastify'
import * as schemas from '../../../../schemas/admin/events.ts'
import { AuthError } from '../../../domain/errors.ts'
import { latestPosition, readEvents } from '../../../domain/events/events.ts'
import * as webhooks from '../../../domain/events/webhooks.ts'
import { uuidOf } from '../../path-ids.ts'
import type { Api } from '../../typebox.ts'
import { may, mayOnce, onProject } from '../authorize.ts'
import {
  deliveryView,
  eventView,
  printDeliveryCursor,
  printEventCursor,
  readDeliveryCursor,
  readDeliveryId,
  readEventCursor,
  webhookView,
} from '../event-views.ts'
import type { AdminParts } from '../parts.ts'

export async function eventRoutes(api: Api, { services }: AdminParts): Promise<void> {
  // Aborts the requests that wait for events when the service stops.
  const stopping = new AbortController()
  api.addHook('preClose', async () => stopping.abort())

  api.get(
    '/projects/:id/events',
    { schema: schemas.readEvents, config: may('events.read') },
    async (request, reply) => {
      const ctx = onProject(request, services)
      const { id } = ctx.project
      const { after, limit = 100, wait = 0 } = request.query
      if (after === 'latest') return { data: [], next: printEventCursor(id, await latestPosition(ctx)) }
      const position = after === undefined ? null : readEventCursor(id, after)
      const query = { after: position, limit, waitSeconds: wait }
      const page = await readEvents(ctx, query, untilClosed(reply, stopping.signal))
      if (page.kind !== 'page') throw new AuthError(page.kind === 'ahead' ? 'event_ahead' : 'events_expired')
      const data = page.events.map((event) => eventView(id, event))
      return { data, next: printEventCursor(id, page.events.at(-1)?.position ?? position ?? page.head) }
    },
  )
}

/** Aborts when the client disconnects, or the service stops. */
function untilClosed({ raw }: FastifyReply, stopping: AbortSignal): AbortSignal {
  const gone = new AbortController()
  raw.once('close', () => gone.abort())
  return AbortSignal.any([gone.signal, stopping])
}

const webhookId = ({ webhook }: { webhook: string }) => uuidOf(webhook, 'webhook_unknown')

export async function webhookRoutes(api: Api, { services }: AdminParts): Promise<void> {
  const reading = may('webhooks.read')
  const writing = may('webhooks.write')
  const path = '/projects/:id/webhooks'

  api.get(path, { schema: schemas.listWebhooks, config: reading }, async (request) => ({
    data: (await webhooks.listWebhooks(onProject(request, services))).map(webhookView),
  }))

  api.post(
    path,
    { schema: schemas.createWebhook, config: mayOnce('webhooks.write') },
    async (request, reply) => {
      const { url, description = '', types = [] } = request.body
      const made = await webhooks.createWebhook(onProject(request, services), { url, description, types })
      return reply.code(201).send({ webhook: webhookView(made.webhook), secret: made.secret })
    },
  )

  api.get(`${path}/:webhook`, { schema: schemas.getWebhook, config: reading }, async (request) =>
    webhookView(await webhooks.findWebhook(onProject(request, services), webhookId(request.params))),
  )

  api.patch(`${path}/:webhook`, { schema: schemas.changeWebhook, config: writing }, async (request) => {
    const ctx = onProject(request, services)
    return webhookView(await webhooks.changeWebhook(ctx, webhookId(request.params), request.body))
  })

  api.delete(
    `${path}/:webhook`,
    { schema: schemas.deleteWebhook, config: writing },
    async (request, reply) => {
      await webhooks.deleteWebhook(onProject(request, services), webhookId(request.params))
      return reply.code(204).send()
    },
  )

  api.post(
    `${path}/:webhook/rotate-secret`,
    { schema: schemas.rotateWebhookSecret, config: writing },
    async (request) => {
      const made = await webhooks.rotateWebhookSecret(onProject(request, services), webhookId(request.params))
      return { webhook: webhookView(made.webhook), secret: made.secret }
    },
  )
}

export async function deliveryRoutes(api: Api, { services }: AdminParts): Promise<void> {
  const writing = may('webhooks.write')
  const path = '/projects/:id/webhooks/:webhook'

  api.post(`${path}/test`, { schema: schemas.testWebhook, config: writing }, async (request, reply) => {
    const queued = await webhooks.testWebhook(onProject(request, services), webhookId(request.params))
    return reply.code(202).send(deliveryView(queued))
  })

  api.get(
    `${path}/deliveries`,
    { schema: schemas.listDeliveries, config: may('webhooks.read') },
    async (request) => {
      const { state = null, cursor, limit = 50 } = request.query
      const ctx = onProject(request, services)
      const query = { state, before: readDeliveryCursor(cursor), limit: limit + 1 }
      const rows = await webhooks.listDeliveries(ctx, webhookId(request.params), query)
      const page = rows.slice(0, limit)
      const last = rows.length > limit ? page.at(-1) : undefined
      return { data: page.map(deliveryView), next_cursor: last ? printDeliveryCursor(last) : null }
    },
  )

  api.post(
    `${path}/deliveries/:delivery/retry`,
    { schema: schemas.retryDelivery, config: writing },
    async (request, reply) => {
      const { params } = request
      const id = readDeliveryId(params.delivery)
      if (!id) throw new AuthError('delivery_unknown')
      const row = await webhooks.retryDelivery(onProject(request, services), webhookId(params), id)
      return reply.code(202).send(deliveryView(row))
    },
  )

  api.post(`${path}/retry-dead`, { schema: schemas.retryDead, config: writing }, async (request, reply) => {
    const ctx = onProject(request, services)
    const retried = await webhooks.retryDeadDeliveries(ctx, webhookId(request.params))
    return reply.code(202).send({ retried })
  })
}
