// The security log and the statistics that follow from it.
import { Type } from '@sinclair/typebox'
import { adminReadErrors } from '../errors.ts'
import { closed, exampleProjectId, Id, Instant, Nullable, OneOf, Shared } from '../primitives.ts'
import { json } from '../responses.ts'
import { byOperatorsOrSecret, pageOf, pageQuery } from './admin.ts'

const Outcome = OneOf(['success', 'refused'])
const ActorKind = OneOf(['user', 'api_key', 'operator', 'none'])

export const LogEntry = Type.Object(
  {
    id: Type.Integer({ examples: [4711] }),
    at: Instant,
    event: Type.String({ examples: ['sign_in_refused'] }),
    outcome: { ...Outcome, examples: ['refused'] },
    actor: { ...ActorKind, examples: ['none'] },
    account: Nullable(Id, { description: 'UUID of the account, which may be gone.', examples: [null] }),
    session_id: Nullable(Id, { examples: [null] }),
    address_prefix: Nullable(Type.String(), { examples: ['203.0.113.0/24'] }),
    user_agent: Nullable(Type.String(), { examples: ['Mozilla/5.0'] }),
    details: Type.Record(Type.String(), Type.Unknown(), { examples: [{ reason: 'invalid_credentials' }] }),
    position: Nullable(Type.Integer(), {
      description: 'In the chain; null: not sealed yet.',
      examples: [12],
    }),
    hash: Nullable(Type.String(), { description: 'Hexadecimal.', examples: [null] }),
  },
  { $id: 'LogEntry', ...closed },
)

const LogVerdict = Type.Object(
  {
    project: Type.String({ description: 'UUID, or `installation`.', examples: ['installation'] }),
    rows: Type.Integer({ description: 'Sealed rows that were read.', examples: [120] }),
    unsealed: Type.Integer({ description: 'Rows that wait for the next sealing.', examples: [0] }),
    head: Nullable(Type.Object({ position: Type.Integer(), hash: Type.String() }, closed), {
      examples: [null],
    }),
    broken: Nullable(Type.String(), {
      description:
        'A sentence that names the first row that was changed, removed or inserted; null: the chain is whole.',
      examples: [null],
    }),
  },
  { $id: 'LogVerdict', ...closed },
)

export const DayStats = Type.Object(
  {
    day: Type.String({ description: 'In UTC.', examples: ['2026-11-20'] }),
    sign_ups: Type.Integer({ examples: [3] }),
    sign_ins: Type.Record(Type.String(), Type.Integer(), {
      description: 'By the methods of RFC 8176, separated by blanks.',
      examples: [{ pwd: 12, 'hwk user': 4 }],
    }),
    failures: Type.Integer({ examples: [2] }),
    lockouts: Type.Integer({ examples: [0] }),
    active_users: Type.Integer({ description: 'Accounts that signed in or up.', examples: [14] }),
  },
  { $id: 'DayStats', ...closed },
)

export const PeriodStats = Type.Object(
  {
    sign_ups: Type.Integer({ examples: [40] }),
    sign_ins: Type.Integer({ examples: [310] }),
    failures: Type.Integer({ examples: [21] }),
    active_users: Type.Integer({
      description: 'Accounts that signed in or up, each counted once.',
      examples: [120],
    }),
  },
  { $id: 'PeriodStats', ...closed },
)

const Refusals = Type.Object(
  {
    event: Type.String({ examples: ['sign_in_refused'] }),
    reason: Type.String({
      description: 'As `details.reason` of the security log; empty: none is written down.',
      examples: ['wrong_password'],
    }),
    count: Type.Integer({ examples: [17] }),
  },
  closed,
)

const UserCount = Type.Object(
  {
    count: Type.Integer({ examples: [1200] }),
    is_more: Type.Boolean({
      description: 'Whether there are more: accounts beyond 100,000 are not counted.',
      examples: [false],
    }),
  },
  closed,
)

export const auditSchemas = [LogEntry, LogVerdict, DayStats, PeriodStats]

const ofProject = {
  project: Type.String({
    maxLength: 64,
    description: 'UUID of the project, or `installation` for what concerns none.',
    examples: [exampleProjectId],
  }),
}

const filter = {
  ...ofProject,
  user: Type.Optional(Type.String({ maxLength: 255, description: 'An address, or the UUID of an account.' })),
  event: Type.Optional(Type.String({ maxLength: 64, description: 'Such as `sign_in_refused`.' })),
  outcome: Type.Optional(Outcome),
  actor: Type.Optional(ActorKind),
  by: Type.Optional(
    Type.String({ maxLength: 64, description: 'UUID of the operator, key or user who acted.' }),
  ),
  address: Type.Optional(
    Type.String({ maxLength: 64, description: 'An address of a client, or the network that the log has.' }),
  ),
  since: Type.Optional(Type.String({ format: 'date-time', maxLength: 40 })),
  until: Type.Optional(Type.String({ format: 'date-time', maxLength: 40 })),
}

const inTag = { tags: ['Security log'], security: byOperatorsOrSecret }

export const searchLog = {
  ...inTag,
  operationId: 'searchSecurityLog',
  summary: 'Search the security log of a project, the newest row first',
  description:
    'A page may have fewer rows than its limit and still be followed by another: `next_cursor` says so.',
  querystring: Type.Object({ ...filter, ...pageQuery }),
  response: {
    200: pageOf('A page of rows.', Shared(LogEntry)),
    ...adminReadErrors('validation_failed', 'project_not_found'),
  },
}

export const exportLog = {
  ...inTag,
  operationId: 'exportSecurityLog',
  summary: 'Export what a search of the security log finds',
  querystring: Type.Object({
    ...filter,
    format: Type.Optional(OneOf(['csv', 'jsonl'], { description: 'Default: `jsonl`.' })),
  }),
  response: {
    200: {
      description:
        'The rows, the newest first: a line of JSON for each, or CSV with a line of names (RFC 4180).',
      content: {
        'application/jsonl': { schema: Type.String({ examples: ['{"id":4711,"event":"signed_in"}\n'] }) },
        'text/csv': { schema: Type.String({ examples: ['id,at,event\r\n'] }) },
      },
    },
    ...adminReadErrors('validation_failed', 'project_not_found'),
  },
}

export const verifyLog = {
  ...inTag,
  operationId: 'verifySecurityLog',
  summary: 'Follow the chain of hashes through the security log of a project',
  querystring: Type.Object(ofProject),
  response: {
    200: json('The verdict.', Shared(LogVerdict)),
    ...adminReadErrors('validation_failed', 'project_not_found'),
  },
}

export const getStats = {
  tags: ['Statistics'],
  security: byOperatorsOrSecret,
  operationId: 'getStats',
  description: '`period` is all these days together, `before` as many days before them.',
  summary: 'Get sign-ups, sign-ins by method, failures, lockouts and active users, by day and in all',
  querystring: Type.Object({
    project: Type.String({ maxLength: 64, description: 'UUID of the project.' }),
    days: Type.Optional(Type.Integer({ minimum: 1, maximum: 90, default: 30 })),
  }),
  response: {
    200: json(
      'The days, the oldest first, and what they come to.',
      Type.Object(
        {
          data: Type.Array(Shared(DayStats)),
          period: Shared(PeriodStats),
          before: Shared(PeriodStats),
          refusals: Type.Array(Refusals, {
            description: 'Why sign-ins were refused in these days: the five most frequent reasons.',
          }),
          users: UserCount,
        },
        closed,
      ),
    ),
    ...adminReadErrors('validation_failed', 'project_not_found'),
  },
}
