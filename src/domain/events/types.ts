// The types of events. Triggers of the tables write them (drizzle/migrations).

/** Every type with its description, which docs/events.md prints. */
export const eventTypes = {
  'user.created': 'an account: every field but its secrets',
  'user.updated': 'an account as it is now',
  'user.deleted': '`uuid` and `id` of an account that is gone, with all that belonged to it',
  'session.created':
    'a session that a sign-in opened; `impersonator` is set where an operator acts as the user',
  'session.updated': 'a session whose owner was authenticated again: `amr`, `acr`, `auth_time`',
  'session.ended':
    '`id` and `reason`: `logout`, `owner`, `reuse`, `limit`, `all` (every session ended), `expired` (told when its row is removed, a day later)',
  'identity.linked': 'an identity at a sign-in provider',
  'identity.unlinked': 'the same, removed',
  'passkey.added': 'a passkey',
  'passkey.updated': 'a passkey with another name',
  'passkey.removed': 'a passkey that is gone',
  'factor.added': '`kind` of a second factor that was enrolled',
  'factor.removed': 'the same, removed',
  'recovery_codes.created': 'how many are `left`',
  'recovery_code.used': 'how many are `left`',
  'trusted_device.added': 'a device on which no second factor is asked for',
  'trusted_device.removed': 'the same, ended',
  'api_key.created': 'an API key without its secret',
  'api_key.revoked': 'the same, ended',
  'team.created': 'a team',
  'team.updated': 'a team as it is now',
  'team.deleted': 'a team that is gone, with its members',
  'team_member.added': '`team_id`, `user_uuid`, `role`',
  'team_member.updated': 'the same with another role',
  'team_member.removed': 'the same, removed',
} as const satisfies Record<string, string>

/** The type of a test delivery, which is no event of the feed. */
export const testType = 'webhook.test'
