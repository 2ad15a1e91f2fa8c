// How the canonical API shows the data export and the activity of an account.
import { type Static, Type } from '@sinclair/typebox'
import { AccountExport, Activity } from '../../schemas/account.ts'
import { toDataUri } from '../domain/accounts/avatars.ts'
import type { AccountExport as Exported } from '../domain/accounts/export.ts'
import type { AuditRow } from '../repositories/audit/audit-events.ts'
import { deviceOf } from './device.ts'
import { viewOf } from './schema-view.ts'
import { apiKeyView, type UserView } from './views.ts'

const showEvent = viewOf(Type.Omit(Activity, ['device']))

/** An event as the owner of the account sees it. */
export function activityView(row: Omit<AuditRow, 'projectId' | 'userId'>): Static<typeof Activity> {
  return { ...showEvent(row), device: deviceOf(row.userAgent) }
}

const showExport = viewOf(Type.Omit(AccountExport, ['user', 'api_keys']))

export function exportView(exported: Exported, viewUser: UserView): Static<typeof AccountExport> {
  const { user, avatar, apiKeys, knownAddresses } = exported
  const shown = showExport({
    ...exported,
    account: { ...user, hasPassword: exported.hasPassword },
    avatar: avatar && { ...avatar, dataUri: toDataUri(avatar) },
    verificationTokens: exported.tokens,
    knownAddresses: { count: knownAddresses.length, lastUsedAt: knownAddresses.map(({ lastAt }) => lastAt) },
    teamInvitations: exported.teamInvitations.map((row) => ({
      ...row,
      direction: row.isSent ? 'sent' : 'received',
    })),
    activity: exported.events,
  })
  return { ...shown, user: viewUser(user), api_keys: apiKeys.map(apiKeyView) }
}
