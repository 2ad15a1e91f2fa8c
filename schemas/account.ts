// The account as a whole: deletion, data export and activity.
import { Type } from '@sinclair/typebox'
import { ApiKey } from './api-keys.ts'
import { readErrors, writeErrors } from './errors.ts'
import { trustedDeviceFields } from './factors.ts'
import { projectHeader } from './headers.ts'
import { closed, Id, Instant, Nullable, optionalBody, Password, Shared } from './primitives.ts'
import { json } from './responses.ts'
import { bySession, bySessionOrKey } from './security.ts'
import { Device } from './sessions.ts'
import { TeamRole } from './teams.ts'
import { User } from './users.ts'

export const leave = {
  operationId: 'deleteCurrentUser',
  tags: ['Account'],
  summary: 'Delete the account',
  description:
    'Ends every session now. The account is deleted at once, or after the project’s grace period, in which signing in restores it. Needs the current password, or a password sign-in or a step-up within the time that the policy `reauthentication` sets (5 minutes by default). A wrong password is a 422 on current_password and counts like a failed sign-in. Teams without other members are deleted as well. The last ADMIN of a team that has other members is refused (409).',
  security: bySession,
  headers: Type.Object(projectHeader),
  ...optionalBody,
  body: Type.Object({ current_password: Type.Optional(Password) }),
  response: {
    204: Type.Null({
      description: 'The account is deleted, or will be after the grace period. Session cookies are cleared.',
    }),
    ...writeErrors(
      'unauthenticated',
      'step_up_required',
      'team_admin_needed',
      'last_owner',
      'too_many_attempts',
    ),
  },
}

const event = {
  id: Type.Integer({ examples: [4711] }),
  event: Type.String({ description: 'The kind of event; new kinds may be added.', examples: ['signed_in'] }),
  outcome: Type.Union([Type.Literal('success'), Type.Literal('refused')]),
  session_id: Nullable(Id),
  api_key_id: Nullable(Id, { description: 'The API key that acted, or that was created or revoked.' }),
  team_id: Nullable(Id, { description: 'The team concerned.' }),
  address_prefix: Nullable(Type.String(), {
    description: 'The network of the client: IPv4 /24, IPv6 /48.',
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
  summary: 'List the events of the account, the newest first',
  security: bySessionOrKey,
  headers: Type.Object(projectHeader),
  querystring: Type.Object({
    cursor: Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'The next_cursor of the previous page; absent for the first page.',
      }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })),
  }),
  response: {
    200: json(
      'A page of events.',
      Type.Object(
        {
          data: Type.Array(Shared(Activity)),
          next_cursor: Nullable(Type.String(), {
            description: 'null on the last page.',
            examples: ['NDcxMQ'],
          }),
        },
        closed,
      ),
    ),
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
      { description: 'Their purposes and times, without the tokens.' },
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
    passkeys: Type.Array(
      Type.Object(
        {
          id: Id,
          name: Type.String({ examples: ['My phone'] }),
          aaguid: Id,
          backed_up: Type.Boolean(),
          created_at: Instant,
          last_used_at: Nullable(Instant),
        },
        closed,
      ),
    ),
    authenticators: Type.Array(
      Type.Object({ created_at: Instant, confirmed_at: Nullable(Instant) }, closed),
      {
        description: 'Authenticator apps, without their secrets. Until it is confirmed one is only proposed.',
      },
    ),
    recovery_codes: Type.Array(Type.Object({ created_at: Instant, used_at: Nullable(Instant) }, closed), {
      description: 'Their times, without the codes.',
    }),
    trusted_devices: Type.Array(Type.Object(trustedDeviceFields, closed)),
    second_factor_challenges: Type.Array(
      Type.Object({ created_at: Instant, expires_at: Instant, used_at: Nullable(Instant) }, closed),
      { description: 'Sign-ins that asked for a second factor, lately.' },
    ),
    known_addresses: Type.Object(
      { count: Type.Integer({ minimum: 0 }), last_used_at: Type.Array(Instant) },
      {
        ...closed,
        description:
          'Networks and devices the account has signed in from; they are stored as keyed hashes only.',
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
      { description: 'Invitations that the user sent, and those to their address once it is verified.' },
    ),
    activity: Type.Array(Type.Object({ ...event, user_agent: UserAgent, created_at: Instant }, closed)),
  },
  { $id: 'AccountExport', ...closed },
)

export const exportAccount = {
  operationId: 'exportCurrentUser',
  tags: ['Account'],
  summary: 'Export the data of the user',
  description:
    'Needs a password sign-in or a step-up within the time that the policy `reauthentication` sets. One document with everything that is stored about the user, read at one moment, without secrets and hashes. Each list has at most the newest 10 000 entries.',
  security: bySession,
  headers: Type.Object(projectHeader),
  response: {
    200: json('The document, to be saved as a file.', Shared(AccountExport), {
      'Content-Disposition': { type: 'string', description: 'attachment, with a file name.' },
    }),
    ...readErrors('unauthenticated', 'step_up_required'),
  },
}

export const accountSchemas = [Activity, AccountExport]
