// The account as a whole: leaving it, everything we hold of it, and what happened to it.
import { Type } from '@sinclair/typebox'
import { ApiKey } from './api-keys.ts'
import { readErrors, writeErrors } from './errors.ts'
import { projectHeader } from './headers.ts'
import { Id, Instant, Nullable, Password, Shared } from './primitives.ts'
import { Device } from './sessions.ts'
import { TeamRole } from './teams.ts'
import { User } from './users.ts'

const closed = { additionalProperties: false } as const

export const leave = {
  operationId: 'deleteCurrentUser',
  tags: ['Account'],
  summary: 'Delete the account',
  description:
    'Ends every session now. Depending on the project the account is gone at once, or after a grace period in which signing in restores it. A wrong password is a 422 on current_password and counts like a failed sign-in. An account without a password needs a recent sign-in instead (policy `reauthentication`, 5 minutes by default). Teams that nobody else is in go along; a team whose last ADMIN this is, and that has other members, stands against it (409).',
  security: [{ bearer: [] }, { cookie: [] }],
  headers: Type.Object({ ...projectHeader }),
  body: Type.Object({ current_password: Type.Optional(Password) }),
  response: {
    204: Type.Null({ description: 'The account is gone, or will be. Session cookies are cleared.' }),
    ...writeErrors('unauthenticated', 'team_admin_needed', 'too_many_attempts'),
  },
}

const event = {
  id: Type.Integer({ examples: [4711] }),
  event: Type.String({ description: 'What happened; new ones may be added.', examples: ['signed_in'] }),
  outcome: Type.Union([Type.Literal('success'), Type.Literal('refused')]),
  session_id: Nullable(Id),
  api_key_id: Nullable(Id, { description: 'The API key that acted, or that was made or revoked.' }),
  team_id: Nullable(Id, { description: 'The team that it was about.' }),
  address_prefix: Nullable(Type.String(), {
    description: 'The network it came from: IPv4 /24, IPv6 /48.',
    examples: ['203.0.113.0/24'],
  }),
}

const UserAgent = Nullable(Type.String(), { examples: ['curl/8.5.0'] })

export const Activity = Type.Object(
  { ...event, device: Shared(Device), created_at: Instant },
  { $id: 'Activity', ...closed },
)

export const listActivity = {
  operationId: 'listActivity',
  tags: ['Account'],
  summary: 'What happened to the account, the newest first',
  security: [{ bearer: [] }, { cookie: [] }, { apiKey: [] }],
  headers: Type.Object({ ...projectHeader }),
  querystring: Type.Object({
    cursor: Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'The next_cursor of the page before; absent for the first.',
      }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })),
  }),
  response: {
    200: {
      description: 'A page.',
      content: {
        'application/json': {
          schema: Type.Object(
            {
              data: Type.Array(Shared(Activity)),
              next_cursor: Nullable(Type.String(), {
                description: 'null: this was the last page.',
                examples: ['NDcxMQ'],
              }),
            },
            closed,
          ),
        },
      },
    },
    ...readErrors('unauthenticated', 'insufficient_scope', 'validation_failed'),
  },
}

export const AccountExport = Type.Object(
  {
    exported_at: Instant,
    user: Shared(User),
    account: Type.Object(
      {
        locale: Nullable(Type.String(), { examples: ['de'] }),
        has_password: Type.Boolean(),
        disabled_at: Nullable(Instant),
        deletion_due_at: Nullable(Instant),
        updated_at: Instant,
      },
      closed,
    ),
    avatar: Nullable(
      Type.Object(
        {
          media_type: Type.String({ examples: ['image/png'] }),
          data_uri: Type.String({ description: 'The picture itself (RFC 2397).' }),
          created_at: Instant,
        },
        closed,
      ),
    ),
    sessions: Type.Array(
      Type.Object(
        {
          id: Id,
          created_at: Instant,
          last_seen_at: Instant,
          expires_at: Instant,
          revoked_at: Nullable(Instant),
          revoked_reason: Nullable(Type.String()),
          user_agent: UserAgent,
          address_prefix: Nullable(Type.String()),
        },
        closed,
      ),
    ),
    api_keys: Type.Array(Shared(ApiKey)),
    verification_tokens: Type.Array(
      Type.Object(
        {
          purpose: Type.String({ examples: ['verify_email'] }),
          created_at: Instant,
          expires_at: Instant,
          used_at: Nullable(Instant),
          superseded_at: Nullable(Instant),
        },
        closed,
      ),
      { description: 'That there were such, never what was in them.' },
    ),
    identities: Type.Array(
      Type.Object(
        {
          id: Id,
          provider: Type.String({ examples: ['google'] }),
          issuer: Type.String({ examples: ['https://accounts.google.com'] }),
          subject: Type.String({ examples: ['110169484474386276334'] }),
          email: Nullable(Type.String()),
          created_at: Instant,
          last_used_at: Nullable(Instant),
        },
        closed,
      ),
    ),
    known_addresses: Type.Object(
      { count: Type.Integer({ minimum: 0 }), last_used_at: Type.Array(Instant) },
      {
        ...closed,
        description: 'Networks and devices the account has signed in from; they rest as keyed hashes alone.',
      },
    ),
    mails: Type.Array(
      Type.Object(
        {
          kind: Type.String({ examples: ['verify_email'] }),
          created_at: Instant,
          sent_at: Nullable(Instant),
          dead_at: Nullable(Instant),
        },
        closed,
      ),
    ),
    teams: Type.Array(
      Type.Object(
        { id: Id, name: Type.String({ examples: ['Rockets'] }), role: TeamRole, joined_at: Instant },
        closed,
      ),
      { description: 'The teams the user is a member of.' },
    ),
    team_invitations: Type.Array(
      Type.Object(
        {
          team_id: Id,
          direction: Type.Union([Type.Literal('sent'), Type.Literal('received')]),
          email: Type.String({ examples: ['grace@example.com'] }),
          role: TeamRole,
          created_at: Instant,
          expires_at: Instant,
        },
        closed,
      ),
      { description: 'Those that the user sent, and those to their address, once it is verified.' },
    ),
    activity: Type.Array(Type.Object({ ...event, user_agent: UserAgent, created_at: Instant }, closed)),
  },
  { $id: 'AccountExport', ...closed },
)

export const exportAccount = {
  operationId: 'exportCurrentUser',
  tags: ['Account'],
  summary: 'Everything we hold of the user',
  description:
    'One document, as of one moment, without any secret or hash. Of each list the newest 10 000 entries.',
  security: [{ bearer: [] }, { cookie: [] }],
  headers: Type.Object({ ...projectHeader }),
  response: {
    200: {
      description: 'The document, to be saved as a file.',
      headers: { 'Content-Disposition': { type: 'string', description: 'attachment, with a file name.' } },
      content: { 'application/json': { schema: Shared(AccountExport) } },
    },
    ...readErrors('unauthenticated'),
  },
}

export const accountSchemas = [Activity, AccountExport]
