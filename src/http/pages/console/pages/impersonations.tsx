// The active impersonations of a project: sessions in which operators act as users.
import { change } from '../api.ts'
import { useRead } from '../loading.ts'
import { ActionButton } from '../parts/buttons.tsx'
import { actionsColumn, type Column, Table } from '../parts/table.tsx'
import { NameLink, Truncated, When } from '../parts/text.tsx'
import { Card } from '../parts/view.tsx'
import { can } from '../permissions.ts'
import { t } from '../texts.ts'
import type { Impersonation, List } from '../types.ts'

/** The active impersonations; renders nothing if there are none. */
export function Impersonations({ project }: { project: string }) {
  const path = `projects/${project}/impersonations`
  const living = useRead<List<Impersonation>>(path)
  if (!living.data || living.data.data.length === 0) return null
  const end = actionsColumn<Impersonation>(({ id }) => (
    <ActionButton
      kind="small danger"
      done={t('The session has ended.')}
      work={async () => {
        await change('DELETE', `${path}/${id}`)
        living.reload()
      }}
    >
      {t('End session')}
    </ActionButton>
  ))
  const columns: readonly Column<Impersonation>[] = [
    {
      label: t('User'),
      kind: 'wide',
      show: ({ user_uuid, user_email }) => (
        <NameLink path={['projects', project, 'users', user_uuid]} text={user_email} />
      ),
    },
    { label: t('Operator'), show: ({ impersonator }) => <Truncated text={impersonator} isCode /> },
    { label: t('Ends'), show: ({ expires_at }) => <When at={expires_at} /> },
    ...(can('impersonations.end', project) ? [end] : []),
  ]
  return (
    <Card isFlush title={t('Operators who act as users')}>
      <Table
        label={t('Operators who act as users')}
        rows={living.data.data}
        columns={columns}
        id={({ id }) => id}
      />
    </Card>
  )
}
