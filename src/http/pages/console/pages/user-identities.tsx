// The sign-in providers that are linked to a user.
import { showName } from '../format.ts'
import { useRead } from '../loading.ts'
import { ListTable } from '../parts/table.tsx'
import { Truncated, When } from '../parts/text.tsx'
import { Card } from '../parts/view.tsx'
import { t } from '../texts.ts'
import type { Identity, List } from '../types.ts'

export function Identities({ path }: { path: string }) {
  const identities = useRead<List<Identity>>(`${path}/identities`)
  return (
    <Card isFlush title={t('Sign-in providers')}>
      <ListTable
        label={t('Sign-in providers')}
        list={identities}
        lines={2}
        id={({ id }) => id}
        columns={[
          { label: t('Provider'), show: ({ provider }) => showName(provider) },
          { label: t('Address'), kind: 'wide', show: ({ email }) => <Truncated text={email ?? '–'} /> },
          { label: t('Last used'), show: ({ last_used_at }) => <When at={last_used_at} /> },
        ]}
        empty={<p class="none quiet">{t('No provider is linked.')}</p>}
      />
    </Card>
  )
}
