// The ordered feed of a project, and its webhooks.
import { Type } from '@sinclair/typebox'
import { adminActionErrors, adminReadErrors, adminWriteErrors, idempotencyCodes } from '../errors.ts'
import { idempotencyHeader, replayable } from '../headers.ts'
import { closed, Id, Instant, Nullable, PathId, Secret, Shared } from '../primitives.ts'
import { json, listOf } from '../responses.ts'
import { byOperatorsOrSecret, pageOf, pageQuery, projectParams, unknownInPath } from './admin.ts'

const type = Type.String({ maxLength: 64, pattern: '^[a-z_]+\\.[a-z_]+$', examples: ['user.created'] })

/** An event of the feed, and the body of a webhook. */
export const Event = Type.Object(
  {
    type,
    timestamp: { ...Instant, description: 'When it happened.' },
    project_id: Id,
    position: Type.Integer({
      description:
        'Counts the events of the project without a gap. 0: a test of a webhook, which is no event.',
      examples: [42],
    }),
    subject: { ...Id, description: 'The account or team that it concerns; its events are in order.' },
    data: Type.Record(Type.String(), Type.Unknown(), {
      description: 'The state afterwards; docs/events.md has the fields of each type.',
      examples: [{ uuid: '7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d', email: 'ada@example.com' }],
    }),
  },
  { $id: 'Event', ...closed },
)

const cursor = Type.String({ examples: ['XkuYUgAAQACAAAAAAAAAAQAAAAAAAAAq'] })

const facts = {
  url: Type.String({ maxLength: 2048, examples: ['https://app.example.com/hooks/sallyport'] }),
  description: Type.String({ maxLength: 255, examples: ['Copies users into the CRM'] }),
  types: Type.Array(type, { maxItems: 100, uniqueItems: true, description: 'Types of events; none: all.' }),
}

export const Webhook = Type.Object(
  {
    id: Id,
    ...facts,
    failures: Type.Integer({ description: 'Attempts in a row that failed.', examples: [0] }),
    disabled_at: Nullable(Instant, { examples: [null] }),
    disabled_reason: Nullable(Type.String(), {
      description: '`operator`, or `gone`: the receiver answered 410.',
      examples: [null],
    }),
    created_at: Instant,
  },
  { $id: 'Webhook', ...closed },
)

const WebhookWithSecret = Type.Object(
  {
    webhook: Shared(Webhook),
    secret: Secret(
      Type.String({
        description: 'The key of the signatures, for a library of Standard Webhooks. Shown this once.',
        examples: ['whsec_QW4gZXhhbXBsZSB0aGF0IHdhcyBuZXZlciBhIHNlY3JldA=='],
      }),
    ),
  },
  { $id: 'WebhookWithSecret', ...closed },
)

const deliveryStates = [Type.Literal('pending'), Type.Literal('sent'), Type.Literal('dead')] as const

export const Delivery = Type.Object(
  {
    id: Type.String({
      description: 'The header `webhook-id`, the same in every attempt.',
      examples: ['msg_7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d'],
    }),
    type,
    subject: Id,
    position: Nullable(Type.Integer(), { description: 'Of its event; null: a test.', examples: [42] }),
    state: Type.Union([...deliveryStates], {
      description: '`dead`: no attempt succeeded for three days.',
      examples: ['sent'],
    }),
    attempts: Type.Integer({ examples: [1] }),
    next_attempt_at: Nullable(Instant, { description: 'Null: none is due.', examples: [null] }),
    last_attempt_at: Nullable(Instant),
    last_status: Nullable(Type.Integer(), { examples: [200] }),
    last_error: Nullable(Type.String(), { examples: [null] }),
    created_at: Instant,
  },
  { $id: 'Delivery', ...closed },
)

export const eventSchemas = [Event, Webhook, WebhookWithSecret, Delivery]

const tags = ['Events']
const security = byOperatorsOrSecret
const project = { tags, security, params: projectParams }
const params = Type.Object({
  ...projectParams.properties,
  webhook: PathId('Id of the webhook.'),
})
const webhook = { tags, security, params }

export const readEvents = {
  ...project,
  operationId: 'readEvents',
  summary: 'Read the changes of a project, in order',
  description:
    'Every change of users, sessions, teams, keys and factors, once, in an order in which no event comes before one that was read. Store `next` together with what was read, and send it as `after`. Where there is no event the answer waits for one for up to `wait` seconds.',
  querystring: Type.Object({
    after: Type.Optional(
      Type.String({
        maxLength: 64,
        description:
          'The `next` of the answer before; `latest`: no event, and the present end of the feed; absent: from the oldest event that is kept.',
      }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
    wait: Type.Optional(Type.Integer({ minimum: 0, maximum: 30, default: 0, description: 'Seconds.' })),
  }),
  response: {
    200: json(
      'The events.',
      Type.Object(
        { data: Type.Array(Shared(Event)), next: { ...cursor, description: 'Where to go on.' } },
        closed,
      ),
    ),
    ...adminReadErrors('project_not_found', 'events_expired', 'validation_failed'),
  },
}

export const listWebhooks = {
  ...project,
  operationId: 'listWebhooks',
  summary: 'List the webhooks of a project',
  response: {
    200: listOf('The webhooks, the oldest first.', Shared(Webhook)),
    ...adminReadErrors('project_not_found'),
  },
}

export const createWebhook = {
  ...project,
  operationId: 'createWebhook',
  summary: 'Add a webhook',
  description:
    'From now on the address is sent every event by POST, signed as Standard Webhooks defines it: at least once, in order for each subject, for up to three days until it answers 2xx.',
  headers: Type.Object(idempotencyHeader),
  body: Type.Object({
    url: facts.url,
    description: Type.Optional(facts.description),
    types: Type.Optional(facts.types),
  }),
  response: {
    201: replayable(json('The webhook, and its secret.', Shared(WebhookWithSecret))),
    ...adminWriteErrors('project_not_found', 'webhook_limit_reached', ...idempotencyCodes),
  },
}

export const getWebhook = {
  ...webhook,
  operationId: 'getWebhook',
  summary: 'Get a webhook',
  response: { 200: json('The webhook.', Shared(Webhook)), ...adminReadErrors(...unknownInPath) },
}

export const changeWebhook = {
  ...webhook,
  operationId: 'changeWebhook',
  summary: 'Change, enable or disable a webhook',
  description: 'A webhook that is enabled again is sent the events from then on.',
  body: Type.Object({
    url: Type.Optional(facts.url),
    description: Type.Optional(facts.description),
    types: Type.Optional(facts.types),
    enabled: Type.Optional(Type.Boolean()),
  }),
  response: { 200: json('The webhook.', Shared(Webhook)), ...adminWriteErrors(...unknownInPath) },
}

export const deleteWebhook = {
  ...webhook,
  operationId: 'deleteWebhook',
  summary: 'Remove a webhook and its deliveries',
  response: { 204: Type.Null({ description: 'Removed.' }), ...adminActionErrors(...unknownInPath) },
}

export const rotateWebhookSecret = {
  ...webhook,
  operationId: 'rotateWebhookSecret',
  summary: 'Give a webhook a new secret',
  description: 'For a day both secrets sign, so that the receiver can be changed without a gap.',
  response: {
    200: json('The webhook, and its new secret.', Shared(WebhookWithSecret)),
    ...adminActionErrors(...unknownInPath),
  },
}

export const testWebhook = {
  ...webhook,
  operationId: 'testWebhook',
  summary: 'Send a test to a webhook',
  response: {
    202: json('The delivery that was queued.', Shared(Delivery)),
    ...adminActionErrors(...unknownInPath, 'webhook_disabled'),
  },
}

export const listDeliveries = {
  ...webhook,
  operationId: 'listDeliveries',
  summary: 'List the deliveries of a webhook, the newest first',
  querystring: Type.Object({
    state: Type.Optional(Type.Union([...deliveryStates])),
    ...pageQuery,
  }),
  response: {
    200: pageOf('A page.', Shared(Delivery)),
    ...adminReadErrors(...unknownInPath, 'validation_failed'),
  },
}

export const retryDelivery = {
  ...webhook,
  operationId: 'retryDelivery',
  summary: 'Send a delivery again, whatever became of it',
  params: Type.Object({
    ...params.properties,
    delivery: Type.String({
      description: 'Id of the delivery.',
      examples: ['msg_7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d'],
    }),
  }),
  response: { 202: json('The delivery.', Shared(Delivery)), ...adminActionErrors(...unknownInPath) },
}

export const retryDead = {
  ...webhook,
  operationId: 'retryDeadDeliveries',
  summary: 'Send every dead delivery of a webhook again',
  response: {
    202: json('How many.', Type.Object({ retried: Type.Integer({ examples: [3] }) }, closed)),
    ...adminActionErrors(...unknownInPath),
  },
}
