// Every metric of the service: name, type, help, labels with their values, buckets. The names are an interface.

/** Upper bounds in seconds: from a cached `me` up to a sign-in that waits the longest for its hash. */
const requestSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
/** Upper bounds in seconds of the wait for a hash or a connection. */
const waitSeconds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

/** Methods with a label of their own; every other one counts as OTHER, so that the number of series is bounded. */
export const labelledMethods: ReadonlySet<string> = new Set([
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
])

export interface Definition {
  readonly name: `sallyport_${string}`
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** Label to its possible values; null: bounded by the number of routes, methods, statuses or events. */
  readonly labels: Readonly<Record<string, readonly string[] | null>>
  /** Of a histogram: upper bounds in seconds. */
  readonly buckets?: readonly number[]
  /** How the values of several workers become one; sum by default. */
  readonly aggregator?: 'sum' | 'max' | 'min' | 'first'
}

/** Outcomes of a refresh. `refused`: the token is unknown, expired or revoked, or its account may not sign in. */
export const refreshOutcomes = ['rotated', 'replayed', 'recovered', 'reused', 'refused'] as const
/**
 * Outcomes of a sign-in. `kept_out`: the credentials are right, but the account is disabled or not verified.
 * `failed`: a dependency is down.
 */
export const signInOutcomes = ['ok', 'wrong', 'locked', 'overloaded', 'kept_out', 'failed'] as const
/** Outcomes of an attempt to send a mail. `failed` is tried again, `dead` is not. */
export const mailOutcomes = ['sent', 'failed', 'dead'] as const
/** Classes of rate limits. `other`: the limit of pages and of unknown paths. */
export const limitClasses = ['credential', 'mail', 'read', 'project', 'other'] as const

const counter = (name: Definition['name'], help: string, labels: Definition['labels'] = {}): Definition => ({
  name,
  type: 'counter',
  help,
  labels,
})

const gauge = (
  name: Definition['name'],
  help: string,
  aggregator: NonNullable<Definition['aggregator']> = 'sum',
  labels: Definition['labels'] = {},
): Definition => ({ name, type: 'gauge', help, labels, aggregator })

const histogram = (
  name: Definition['name'],
  help: string,
  buckets: readonly number[],
  labels: Definition['labels'] = {},
): Definition => ({ name, type: 'histogram', help, labels, buckets })

export const definitions = {
  info: gauge('sallyport_info', 'Always 1; the label holds the running version.', 'first', { version: null }),
  requests: counter('sallyport_http_requests_total', 'Requests answered, by the template of their route.', {
    method: null,
    route: null,
    status: null,
  }),
  requestSeconds: histogram(
    'sallyport_http_request_duration_seconds',
    'Time from the headers of a request to the end of its response.',
    requestSeconds,
    { method: null, route: null },
  ),
  limited: counter('sallyport_limit_refusals_total', 'Requests refused by a rate limit of the policy.', {
    class: limitClasses,
  }),
  lockedOut: counter(
    'sallyport_lockout_refusals_total',
    'Sign-in attempts refused by a lockout, before the password was checked.',
  ),
  shed: counter('sallyport_shed_requests_total', 'Requests refused because the event loop was stalled.'),
  hashesRunning: gauge('sallyport_hash_running', 'Password hashes being computed.'),
  hashesWaiting: gauge('sallyport_hash_waiting', 'Password hashes waiting for a slot.'),
  hashCapacity: gauge(
    'sallyport_hash_capacity',
    'Length of the queue of password hashes; beyond it requests are refused.',
  ),
  hashWait: histogram(
    'sallyport_hash_wait_seconds',
    'Time that a password hash waited for a slot.',
    waitSeconds,
  ),
  connections: gauge(
    'sallyport_database_connections',
    'Connections to PostgreSQL: open, busy, and the limit.',
    'sum',
    { state: ['open', 'busy', 'limit'] },
  ),
  databaseWaiting: gauge(
    'sallyport_database_waiting',
    'Statements and transactions waiting for a connection.',
  ),
  databaseWait: histogram(
    'sallyport_database_wait_seconds',
    'Time that a statement or transaction waited for a connection, if it had to wait.',
    waitSeconds,
  ),
  databaseUp: gauge(
    'sallyport_database_up',
    '1 if the database answered the last query for the mail queue.',
    'min',
  ),
  standbyRead: gauge(
    'sallyport_standby_read',
    '1 if the standby of DATABASE_READ_URL is read; absent if none is configured.',
    'min',
  ),
  redisCounting: gauge(
    'sallyport_redis_counting',
    '1 if limits are counted in the Redis of REDIS_URL; absent if none is configured.',
    'min',
  ),
  cacheAsked: counter(
    'sallyport_cache_requests_total',
    'Look-ups of callers in a cache; a miss asks the database.',
    { cache: ['sessions', 'api_keys'], outcome: ['hit', 'miss'] },
  ),
  cacheSize: gauge('sallyport_cache_entries', 'Callers in a cache.', 'sum', {
    cache: ['sessions', 'api_keys'],
  }),
  refreshes: counter('sallyport_refreshes_total', 'Refresh tokens presented, by outcome.', {
    outcome: refreshOutcomes,
  }),
  signIns: counter('sallyport_sign_ins_total', 'Sign-ins, by method and outcome.', {
    method: ['password', 'social', 'passkey'],
    outcome: signInOutcomes,
  }),
  accountEvents: counter(
    'sallyport_account_events_total',
    'Events written to the audit log, revocations included.',
    { event: null },
  ),
  mailsSuppressed: counter(
    'sallyport_mails_suppressed_total',
    'Mails that were not queued because their recipient had enough.',
  ),
  mails: counter('sallyport_mails_total', 'Attempts to send a mail, by outcome.', { outcome: mailOutcomes }),
  mailsOwed: gauge('sallyport_mails_owed', 'Mails in the queue that all instances share.', 'max'),
  mailsDead: gauge('sallyport_mails_dead', 'Mails that were given up and wait for an operator.', 'max'),
  oldestMail: gauge(
    'sallyport_mails_oldest_owed_seconds',
    'Age of the oldest mail in the queue; 0 if it is empty.',
    'max',
  ),
  webhooks: counter('sallyport_webhook_deliveries_total', 'Attempts to deliver a webhook, by outcome.', {
    outcome: mailOutcomes,
  }),
  webhooksPending: gauge(
    'sallyport_webhook_deliveries_pending',
    'Deliveries that wait, of all webhooks.',
    'max',
  ),
  webhooksDead: gauge(
    'sallyport_webhook_deliveries_dead',
    'Deliveries that were given up and wait for an operator.',
    'max',
  ),
} satisfies Record<string, Definition>

export type MetricKey = keyof typeof definitions
