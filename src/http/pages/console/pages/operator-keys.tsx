// Operator keys, by which programs call the admin API.
import { create } from '../api.ts'
import { useRead } from '../loading.ts'
import { NewButton } from '../parts/buttons.tsx'
import { ask, Field, Select } from '../parts/form.tsx'
import { Empty } from '../parts/states.tsx'
import { actionsColumn, type Column, ListTable } from '../parts/table.tsx'
import { SecondLine, showSecret, Truncated, When } from '../parts/text.tsx'
import { Card, View } from '../parts/view.tsx'
import { canEverywhere } from '../permissions.ts'
import { t } from '../texts.ts'
import type { List, NewOperatorKey, OperatorKey, Project } from '../types.ts'
import { KeyState, RevokeKey } from './key-state.tsx'
import { RoleBadge } from './operators.tsx'
import { RoleFields, roleOf } from './role-fields.tsx'

const lifetimes = [30, 90, 365] as const

function askForKey(projects: readonly Project[], changed: () => void): void {
  ask({
    title: t('New operator key'),
    submit: t('Create key'),
    lead: t('A program presents it as Authorization: Bearer. It has one role, and an end.'),
    fields: (
      <>
        <Field
          label={t('Name')}
          name="name"
          placeholder={t('Nightly export')}
          maxlength={255}
          required
          autofocus
        />
        <RoleFields projects={projects} />
        <Select
          label={t('Expires after')}
          name="days"
          value="90"
          options={lifetimes.map((days) => [String(days), t('{days} days', { days })])}
        />
      </>
    ),
    onSubmit: async (typed) => {
      const made = await create<NewOperatorKey>('operator-keys', {
        name: typed.name,
        ...roleOf(typed),
        expires_at: new Date(Date.now() + Number(typed.days) * 86_400_000).toISOString(),
      })
      changed()
      showSecret(
        t('Operator key'),
        t('Store it where the program reads its secrets. Only its hash is kept here.'),
        made.plain_text_key,
      )
    },
  })
}

const revokeColumn = (changed: () => void) =>
  actionsColumn<OperatorKey>((key) => (
    <RevokeKey
      title={t('Revoke operator key')}
      apiKey={key}
      path={`operator-keys/${key.id}`}
      changed={changed}
    />
  ))

const columnsOf = (projects: readonly Project[]): readonly Column<OperatorKey>[] => [
  {
    label: t('Name'),
    kind: 'wide',
    show: ({ name, key_prefix }) => (
      <>
        <strong>
          <Truncated text={name} />
        </strong>
        <SecondLine text={`${key_prefix}…`} isCode />
      </>
    ),
  },
  { label: t('Role'), show: (key) => <RoleBadge held={key} projects={projects} /> },
  { label: t('State'), show: (key) => <KeyState apiKey={key} /> },
  { label: t('Last used'), show: ({ last_used_at }) => <When at={last_used_at} /> },
  { label: t('Expires'), show: ({ expires_at }) => <When at={expires_at} /> },
]

export function OperatorKeys({ projects }: { projects: readonly Project[] }) {
  const keys = useRead<List<OperatorKey>>('operator-keys')
  const mayWrite = canEverywhere('operators.write')
  const columns = [...columnsOf(projects), ...(mayWrite ? [revokeColumn(keys.reload)] : [])]
  return (
    <View
      title={t('Operator keys')}
      lead={t('Programs administer the installation with them.')}
      actions={mayWrite && <NewButton label={t('New key')} open={() => askForKey(projects, keys.reload)} />}
    >
      <Card isFlush>
        <ListTable
          label={t('Operator keys')}
          list={keys}
          columns={columns}
          id={({ id }) => id}
          empty={
            <Empty icon="keys" title={t('No operator key yet')}>
              {t('A key lets a program do what one role allows, until it expires.')}
            </Empty>
          }
        />
      </Card>
    </View>
  )
}
