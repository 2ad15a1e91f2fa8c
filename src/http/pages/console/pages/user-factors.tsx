// The ways in which a user signs in. Details need the permission to read sessions.
import { showName } from '../format.ts'
import { useRead } from '../loading.ts'
import { LoadedView } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Badge, Truncated, When } from '../parts/text.tsx'
import { Card, Facts } from '../parts/view.tsx'
import { can } from '../permissions.ts'
import { t } from '../texts.ts'
import type { User, UserFactors } from '../types.ts'

const factorNames: Readonly<Record<string, string>> = {
  totp: 'Authenticator app',
}

type Passkey = UserFactors['passkeys'][number]

const columns: readonly Column<Passkey>[] = [
  { label: t('Passkey'), kind: 'wide', show: ({ name }) => <Truncated text={name} /> },
  {
    label: t('Copies'),
    show: ({ backed_up }) => (backed_up ? <Badge tone="good">{t('Synced')}</Badge> : t('On one device')),
  },
  { label: t('Last used'), show: ({ last_used_at }) => <When at={last_used_at} /> },
  { label: t('Added'), show: ({ created_at }) => <When at={created_at} /> },
]

function Details({ path }: { path: string }) {
  const factors = useRead<UserFactors>(`${path}/factors`)
  return (
    <LoadedView of={factors} lines={2}>
      {({ passkeys, recovery_codes_left, trusted_devices }) => (
        <>
          <Facts
            of={[
              [t('Recovery codes left'), recovery_codes_left],
              [t('Devices that skip the second factor'), trusted_devices.length],
            ]}
          />
          {passkeys.length > 0 && (
            <div class="within">
              <Table label={t('Passkeys')} rows={passkeys} columns={columns} id={({ id }) => id} />
            </div>
          )}
        </>
      )}
    </LoadedView>
  )
}

interface FactorsProps {
  project: string
  user: User
  path: string
}

export function Factors({ project, user, path }: FactorsProps) {
  const factors = user.second_factors.map((factor) => t(factorNames[factor] ?? factor))
  return (
    <Card title={t('Ways in')}>
      <Facts
        of={[
          [t('Password'), user.has_password ? t('Set') : t('None')],
          [t('Second factors'), factors.join(', ') || t('None')],
          [t('Passkeys'), user.passkeys],
          [t('Sign-in providers'), user.providers.map(showName).join(', ') || t('None')],
          [t('First sign-in by'), user.provider ? showName(user.provider) : t('Address')],
          user.factors_reset_due_at && [
            t('Factors are removed'),
            <When key="due" at={user.factors_reset_due_at} />,
          ],
        ]}
      />
      {factors.length + user.passkeys > 0 && can('users.sessions.read', project) && <Details path={path} />}
    </Card>
  )
}
