// npx . webhooks …
import type { OperatorContext } from '../domain/context.ts'
import { eventTypes } from '../domain/events/types.ts'
import * as verbs from '../domain/events/webhooks.ts'
import { mustOpenSigningKeys } from '../domain/signing-keys/signing-keys.ts'
import { UsageError } from './errors.ts'
import {
  group,
  idOf,
  nameOf,
  notBlank,
  oneOf,
  option,
  type Parser,
  type ProjectOptions,
  required,
  wholeNumber,
} from './options.ts'
import { projectCommands } from './project-command.ts'

/** A description, of the length that the admin API allows; it may be empty. @throws UsageError */
const descriptionOf: Parser = (text, name) => (text.trim() === '' ? '' : nameOf(255)(text, name))

interface Given extends ProjectOptions {
  readonly id: string
  readonly url: string
  readonly description: string
  readonly types?: string[]
  readonly state?: verbs.DeliveryState
  readonly limit: number
}

const declare = projectCommands<Given>({
  webhook_unknown: 'This project has no webhook with this id; see: npx . webhooks list.',
  webhook_url_refused:
    '--url must be an https address without a password. Addresses of the own network, and http to this machine, need the policy { "webhooks": { "allow_private_network": true } }.',
  webhook_disabled: 'This webhook is disabled: npx . webhooks enable.',
  webhook_limit_reached: `A project has at most ${verbs.maxWebhooks} webhooks.`,
})

const facts = (webhook: verbs.Webhook) => ({
  id: webhook.id,
  url: webhook.url,
  description: webhook.description,
  types: webhook.types,
  failures: webhook.failures,
  disabled_at: webhook.disabledAt?.toISOString() ?? null,
  disabled_reason: webhook.disabledReason,
  created_at: webhook.createdAt.toISOString(),
})

function linesOf(webhook: verbs.Webhook): string[] {
  const { disabledReason: reason, failures } = webhook
  const states = { gone: 'disabled: its receiver answered 410 Gone', operator: 'disabled' }
  const state = reason ? states[reason] : failures > 0 ? `${failures} attempts in a row failed` : 'well'
  return [
    `${webhook.id}  ${webhook.url}`,
    ...(webhook.description ? [`  ${webhook.description}`] : []),
    `  ${webhook.types.join(' ') || 'all events'}; ${state}`,
  ]
}

const withSecret = (ctx: OperatorContext, { webhook, secret }: verbs.WebhookWithSecret) =>
  [
    { ...facts(webhook), secret },
    [...linesOf(webhook), `Secret, shown this once: ${secret}`],
    `The secret of the webhook ${webhook.id} was not printed: make another with npx . webhooks rotate-secret --project ${ctx.project.id} --id ${webhook.id}`,
  ] as const

/** Types of events, separated by commas or blanks. @throws UsageError, also for none: that would stand for all events */
const typesOf: Parser = (text, name) => {
  const types = String(notBlank(text, name))
    .split(/[\s,]+/)
    .filter(Boolean)
  const unknown = types.find((type) => !Object.hasOwn(eventTypes, type))
  if (unknown) throw new UsageError(`${name}: there is no event ${unknown}. See docs/events.md.`)
  return types
}

async function deliveries(ctx: OperatorContext, { id, state, limit }: Given) {
  const rows = await verbs.listDeliveries(ctx, id, { state: state ?? null, before: null, limit })
  const shown = rows.map((row) => ({
    id: `msg_${row.id}`,
    type: row.type,
    state: row.state,
    attempts: row.attempts,
    last_status: row.lastStatus,
    last_error: row.lastError,
    created_at: row.createdAt.toISOString(),
  }))
  const lines = shown.map(({ id, type, state, attempts, last_status, last_error }) =>
    [id, state.padEnd(7), type.padEnd(22), `attempts ${attempts}`, last_error ?? last_status ?? ''].join(
      '  ',
    ),
  )
  return [shown, lines.length > 0 ? lines : 'There is none.'] as const
}

const idOption = required('--id <ID>', 'the webhook', idOf('webhook', 'webhooks list --project ID'))

export const webhooks = group(
  'webhooks',
  'Manages the addresses that are sent the events of a project (docs/events.md). With --json a webhook prints as { id, url, description, types, failures, disabled_at, disabled_reason, created_at }.',
  [
    declare('list', 'prints the webhooks of a project', [], async (ctx) => {
      const all = await verbs.listWebhooks(ctx)
      return [all.map(facts), all.length > 0 ? all.flatMap(linesOf) : 'This project has no webhook.']
    }),
    declare(
      'create',
      'adds a webhook, which is sent the events from now on, and prints its secret',
      [
        required('--url <URL>', 'where events are sent by POST', notBlank),
        option('--types <TYPES>', 'types of events, separated by commas; default: all', typesOf),
        option('--description <TEXT>', 'what it is for', descriptionOf).default(''),
      ],
      async (ctx, { url, types = [], description }) => {
        await mustOpenSigningKeys(ctx.services)
        return withSecret(ctx, await verbs.createWebhook(ctx, { url, description, types }))
      },
    ),
    declare('enable', 'sends a webhook the events from now on', [idOption], async (ctx, { id }) => {
      const webhook = await verbs.changeWebhook(ctx, id, { enabled: true })
      return [facts(webhook), linesOf(webhook)]
    }),
    declare('disable', 'sends a webhook nothing more', [idOption], async (ctx, { id }) => {
      const webhook = await verbs.changeWebhook(ctx, id, { enabled: false })
      return [facts(webhook), linesOf(webhook)]
    }),
    declare('delete', 'removes a webhook and its deliveries', [idOption], async (ctx, { id }) => {
      await verbs.deleteWebhook(ctx, id)
      return [{ deleted: id }, `Deleted: ${id}.`]
    }),
    declare(
      'rotate-secret',
      `gives a webhook a new secret and prints it; the former one signs as well for ${verbs.rotationHours} hours`,
      [idOption],
      async (ctx, { id }) => {
        await mustOpenSigningKeys(ctx.services)
        return withSecret(ctx, await verbs.rotateWebhookSecret(ctx, id))
      },
    ),
    declare('test', 'sends a test to a webhook', [idOption], async (ctx, { id }) => {
      const queued = await verbs.testWebhook(ctx, id)
      return [
        { queued: `msg_${queued.id}` },
        'Queued: the running service sends it. See: webhooks deliveries.',
      ]
    }),
    declare(
      'deliveries',
      'prints the deliveries of a webhook, the newest first; prints an array of { id, type, state, attempts, last_status, last_error, created_at } with --json',
      [
        idOption,
        option('--state <STATE>', 'pending, sent or dead', oneOf(['pending', 'sent', 'dead'])),
        option('--limit <N>', 'how many', wholeNumber(1, 1000)).default(50),
      ],
      deliveries,
    ),
    declare('retry-dead', 'sends every dead delivery of a webhook again', [idOption], async (ctx, { id }) => {
      const retried = await verbs.retryDeadDeliveries(ctx, id)
      return [{ retried }, `Due now: ${retried}.`]
    }),
  ],
)
