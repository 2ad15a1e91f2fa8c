// Every metric of ours: its name, what it says, its labels and all values they can have. The registry and the dashboard
// are both made of this list, so neither can name a metric that the other does not know.

/** Seconds of a request: from a cached `me` up to a sign-in that waited its full time for a hash. */
const requestSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
/** Seconds of waiting for something that is bounded. */
const waitSeconds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

export interface Definition {
  readonly name: `sallyport_${string}`
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** Label to the values it can have; null: as many as there are routes, methods, statuses or events. */
  readonly labels: Readonly<Record<string, readonly string[] | null>>
  /** Of a histogram: upper bounds, in seconds. */
  readonly buckets?: readonly number[]
  /** How several processes' values become one; default sum. */
  readonly together?: 'sum' | 'max' | 'min' | 'first'
}

/** What came of a refresh; `refused`: the token was unknown, expired or revoked, or its user is kept out. */
export const refreshOutcomes = ['rotated', 'replayed', 'recovered', 'reused', 'refused'] as const
/** What came of a sign-in; `kept_out`: proven, and then disabled or not verified. `failed`: no answer, because a part is down. */
export const signInOutcomes = ['ok', 'wrong', 'locked', 'overloaded', 'kept_out', 'failed'] as const
/** What came of trying to send a mail; `failed` is tried again, `dead` is not. */
export const mailOutcomes = ['sent', 'failed', 'dead'] as const
/** Which limit refused; `other`: the one of our own pages, or of paths that are none. */
export const limitClasses = ['credential', 'mail', 'read', 'project', 'other'] as const

export type RefreshOutcome = (typeof refreshOutcomes)[number]
export type SignInOutcome = (typeof signInOutcomes)[number]
export type MailOutcome = (typeof mailOutcomes)[number]

const list = {
  info: {
    name: 'sallyport_info',
    type: 'gauge',
    help: 'Always 1; the version that runs.',
    labels: { version: null },
    together: 'first',
  },
  requests: {
    name: 'sallyport_http_requests_total',
    type: 'counter',
    help: 'Requests answered, by the template of their route.',
    labels: { method: null, route: null, status: null },
  },
  requestSeconds: {
    name: 'sallyport_http_request_duration_seconds',
    type: 'histogram',
    help: 'Time from the headers of a request to the end of its answer.',
    labels: { method: null, route: null },
    buckets: requestSeconds,
  },
  limited: {
    name: 'sallyport_limit_refusals_total',
    type: 'counter',
    help: 'Requests refused by a limit of the policy.',
    labels: { class: limitClasses },
  },
  lockedOut: {
    name: 'sallyport_lockout_refusals_total',
    type: 'counter',
    help: 'Attempts refused after too many failed ones, before anything was checked.',
    labels: {},
  },
  shed: {
    name: 'sallyport_shed_requests_total',
    type: 'counter',
    help: 'Requests refused because the event loop was stalled.',
    labels: {},
  },
  hashesRunning: {
    name: 'sallyport_hash_running',
    type: 'gauge',
    help: 'Password hashes being computed.',
    labels: {},
  },
  hashesWaiting: {
    name: 'sallyport_hash_waiting',
    type: 'gauge',
    help: 'Password hashes waiting for a slot.',
    labels: {},
  },
  hashCapacity: {
    name: 'sallyport_hash_capacity',
    type: 'gauge',
    help: 'Password hashes that may wait; beyond them requests are refused.',
    labels: {},
  },
  hashWait: {
    name: 'sallyport_hash_wait_seconds',
    type: 'histogram',
    help: 'Time that a password hash waited for a slot.',
    labels: {},
    buckets: waitSeconds,
  },
  connections: {
    name: 'sallyport_database_connections',
    type: 'gauge',
    help: 'Connections to PostgreSQL: open, of which busy, and the most there may be.',
    labels: { state: ['open', 'busy', 'limit'] },
  },
  databaseWaiting: {
    name: 'sallyport_database_waiting',
    type: 'gauge',
    help: 'Statements and transactions waiting for a connection.',
    labels: {},
  },
  databaseWait: {
    name: 'sallyport_database_wait_seconds',
    type: 'histogram',
    help: 'Time that a statement or transaction waited for a connection, of those that had to wait.',
    labels: {},
    buckets: waitSeconds,
  },
  databaseUp: {
    name: 'sallyport_database_up',
    type: 'gauge',
    help: 'Whether the database answered when it was last asked for the mail that is owed.',
    labels: {},
    together: 'min',
  },
  standbyRead: {
    name: 'sallyport_standby_read',
    type: 'gauge',
    help: 'Whether the standby of DATABASE_READ_URL is read from; missing where none is configured.',
    labels: {},
    together: 'min',
  },
  redisCounting: {
    name: 'sallyport_redis_counting',
    type: 'gauge',
    help: 'Whether limits are counted in the Redis of REDIS_URL; missing where none is configured.',
    labels: {},
    together: 'min',
  },
  cacheAsked: {
    name: 'sallyport_cache_requests_total',
    type: 'counter',
    help: 'Callers looked for in the memory of who was recognised; a miss asks the database.',
    labels: { cache: ['sessions', 'api_keys'], outcome: ['hit', 'miss'] },
  },
  cacheSize: {
    name: 'sallyport_cache_entries',
    type: 'gauge',
    help: 'Callers remembered.',
    labels: { cache: ['sessions', 'api_keys'] },
  },
  refreshes: {
    name: 'sallyport_refreshes_total',
    type: 'counter',
    help: 'Refresh tokens presented, by what came of it.',
    labels: { outcome: refreshOutcomes },
  },
  signIns: {
    name: 'sallyport_sign_ins_total',
    type: 'counter',
    help: 'Sign-ins, by what was presented and what came of it.',
    labels: { method: ['password', 'social'], outcome: signInOutcomes },
  },
  accountEvents: {
    name: 'sallyport_account_events_total',
    type: 'counter',
    help: 'What was written into the activity of accounts, revocations of every kind among it.',
    labels: { event: null },
  },
  mails: {
    name: 'sallyport_mails_total',
    type: 'counter',
    help: 'Attempts to send a mail, by what came of it.',
    labels: { outcome: mailOutcomes },
  },
  mailsOwed: {
    name: 'sallyport_mails_owed',
    type: 'gauge',
    help: 'Mails that are owed, by all instances together.',
    labels: {},
    together: 'max',
  },
  mailsDead: {
    name: 'sallyport_mails_dead',
    type: 'gauge',
    help: 'Mails that were given up and wait for an operator.',
    labels: {},
    together: 'max',
  },
  oldestMail: {
    name: 'sallyport_mails_oldest_owed_seconds',
    type: 'gauge',
    help: 'Age of the oldest mail that is owed; 0 where none is.',
    labels: {},
    together: 'max',
  },
} as const satisfies Record<string, Definition>

export type MetricKey = keyof typeof list
export const definitions: Readonly<Record<MetricKey, Definition>> = list

/** Every name under which a metric appears in a scrape. */
export function seriesNames({ name, type }: Definition): string[] {
  return type === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name]
}
