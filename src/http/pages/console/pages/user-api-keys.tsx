// The API keys of a user.
import { useRead } from '../loading.ts'
import { actionsColumn, type Column, ListTable } from '../parts/table.tsx'
import { Truncated, When } from '../parts/text.tsx'
import { Card } from '../parts/view.tsx'
import { can } from '../permissions.ts'
import { t } from '../texts.ts'
import type { ApiKey, List } from '../types.ts'
import { KeyState, RevokeKey } from './key-state.tsx'

const shown: readonly Column<ApiKey>[] = [
  { label: t('Name'), kind: 'wide', show: ({ name }) => <Truncated text={name} /> },
  { label: t('Prefix'), show: ({ key_prefix }) => <Truncated text={key_prefix} isCode /> },
  { label: t('State'), show: (key) => <KeyState apiKey={key} /> },
  { label: t('Last used'), show: ({ last_used_at }) => <When at={last_used_at} /> },
]

export function ApiKeys({ project, path }: { project: string; path: string }) {
  const keys = useRead<List<ApiKey>>(`${path}/api-keys`)
  const revoke = actionsColumn<ApiKey>((key) => (
    <RevokeKey
      title={t('Revoke the API key')}
      apiKey={key}
      path={`${path}/api-keys/${key.id}`}
      changed={keys.reload}
    />
  ))
  return (
    <Card isFlush title={t('API keys')}>
      <ListTable
        label={t('API keys')}
        list={keys}
        lines={2}
        columns={can('users.write', project) ? [...shown, revoke] : shown}
        id={({ id }) => id}
        empty={<p class="none quiet">{t('No API key.')}</p>}
      />
    </Card>
  )
}
