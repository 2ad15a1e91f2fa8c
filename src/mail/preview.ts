// Mails with sample values, none of which is real: for previews, and for tests that compare mails with earlier ones.
import { type MailKind, propertiesOf } from './kinds.ts'
import { type Composed, composeMessage, type MessageFacts } from './messages.ts'

/** Kinds with a link and without a code. */
const withoutCode: ReadonlySet<MailKind> = new Set([
  'email_changed',
  'new_device',
  'account_opened',
  'team_invitation',
])

const exampleBrand = { name: 'Example', logoUrl: null, color: '#1f5fbf' }

/**
 * Composes a sample mail of a kind.
 * @param locale BCP 47
 * @param brand default: that of a project without a brand
 */
export function previewMessage(
  kind: MailKind,
  locale: string,
  brand: MessageFacts['brand'] = exampleBrand,
): Composed {
  const { link, code } = propertiesOf(kind)
  return composeMessage(kind, {
    locale,
    brand,
    displayName: kind === 'team_invitation' ? null : 'Ada',
    ...(link && { link: 'https://example.com/account?token=SAMPLE' }),
    ...((code || (link && !withoutCode.has(kind))) && { code: '012345' }),
    teamName: 'Rockets',
    inviterName: 'Grace Hopper',
    teamRole: 'BUILDER',
    expiresInSeconds: kind === 'email_changed' ? 7 * 86_400 : 3600,
    device: 'Firefox on Linux',
    provider: 'Google',
    factor: 'totp',
    passkey: 'My phone',
    addressPrefix: '203.0.113.0/24',
    newEmail: 'someone@example.org',
    dueAt: new Date(Date.UTC(2026, 1, 3, 12, 30)),
    at: new Date(Date.UTC(2026, 0, 31, 12, 30)),
  })
}
