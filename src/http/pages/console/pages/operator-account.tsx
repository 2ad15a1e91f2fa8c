// The accounts of operators: second factors and last sign-in. Only owners may read them.
import { useRead } from '../loading.ts'
import { Badge, NameLink, Truncated, When } from '../parts/text.tsx'
import { can, operatorsProjectId } from '../permissions.ts'
import { t } from '../texts.ts'
import type { Operator, Page, User } from '../types.ts'

/** UUIDs that one request may have. */
const maxNamed = 50

/** Loads the accounts of operators, by UUID. Without the permission to read them, the map is empty. */
export function useOperatorAccounts(operators: readonly Operator[]): ReadonlyMap<string, User> {
  const named = operators.slice(0, maxNamed).map(({ uuid }) => uuid)
  const isAsked = named.length > 0 && can('users.read', operatorsProjectId)
  const accounts = useRead<Page<User>>(isAsked ? `projects/${operatorsProjectId}/users` : null, {
    uuid: named.join(','),
  })
  return new Map(accounts.data?.data.map((user) => [user.uuid, user]))
}

/** The second factors of an account, and its last sign-in. */
export function SignInProtection({ user }: { user: User }) {
  const factors = [
    ...(user.passkeys > 0 ? [t('Passkey')] : []),
    ...(user.second_factors.includes('totp') ? [t('Authenticator app')] : []),
  ]
  return (
    <span class="below">
      {factors.length > 0 ? factors.join(', ') : <Badge tone="warn">{t('No second factor')}</Badge>}
      {user.last_sign_in_at && (
        <>
          {' · '}
          {t('last sign-in')} <When at={user.last_sign_in_at} />
        </>
      )}
    </span>
  )
}

/** The e-mail address, with a link to the account if it was loaded. */
export function Name({ operator: { uuid, email }, user }: { operator: Operator; user: User | undefined }) {
  if (!user)
    return (
      <strong>
        <Truncated text={email} />
      </strong>
    )
  return <NameLink path={['projects', operatorsProjectId, 'users', uuid]} text={email} />
}
