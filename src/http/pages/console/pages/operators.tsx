// The operators of the installation, with their roles.
import { change, create } from '../api.ts'
import { showName } from '../format.ts'
import { useRead } from '../loading.ts'
import { NewButton } from '../parts/buttons.tsx'
import { ask, Field, Select } from '../parts/form.tsx'
import { actionsColumn, type Column, ListTable } from '../parts/table.tsx'
import { Badge, showSecret, When } from '../parts/text.tsx'
import { toast } from '../parts/toasts.tsx'
import { Card, View } from '../parts/view.tsx'
import { canEverywhere, currentOperator } from '../permissions.ts'
import { t } from '../texts.ts'
import type { HeldRole, List, NewOperator, Operator, Project, SetupLink, User } from '../types.ts'
import { Name, SignInProtection, useOperatorAccounts } from './operator-account.tsx'
import { RoleFields, roleOf } from './role-fields.tsx'

interface OperatorsProps {
  projects: readonly Project[]
}

const showLink = (email: string, url: string): void =>
  showSecret(
    t('Set-up link of {email}', { email }),
    t(
      'Hand it to the operator alone, over a way that you trust. It sets the password, within a day and once.',
    ),
    url,
  )

/** A role, with its project unless it is for all projects. */
export function RoleBadge({ held, projects }: { held: HeldRole; projects: readonly Project[] }) {
  const scope = projects.find(({ id }) => id === held.scope)?.name ?? held.scope
  return (
    <Badge tone={held.role === 'owner' ? 'warn' : 'plain'}>
      {showName(held.role)}
      {scope !== null && (
        <>
          {' · '}
          <bdi>{scope}</bdi>
        </>
      )}
    </Badge>
  )
}

function askForOperator({ projects }: OperatorsProps, changed: () => void): void {
  ask({
    title: t('New operator'),
    submit: t('Create operator'),
    fields: (
      <>
        <Field label={t('E-mail address')} name="email" type="email" required autofocus />
        <RoleFields projects={projects} />
      </>
    ),
    onSubmit: async (typed) => {
      const { email = '' } = typed
      const made = await create<NewOperator>('operators', { email, ...roleOf(typed) })
      changed()
      if (made.setup_url) showLink(email, made.setup_url)
      else toast(t('The account was there already; it has the role now.'))
    },
  })
}

function askForRole(operator: Operator, { projects }: OperatorsProps, changed: () => void): void {
  ask({
    title: t('Give {email} a role', { email: operator.email }),
    submit: t('Give role'),
    lead: t('One role for each project, and one for all: a new one takes the place of the old one.'),
    fields: <RoleFields projects={projects} />,
    onSubmit: async (typed) => {
      await change('PUT', `operators/${operator.uuid}/roles`, roleOf(typed))
      changed()
      toast(t('The role is given.'))
    },
  })
}

function askToTake(operator: Operator, { projects }: OperatorsProps, changed: () => void): void {
  const nameOf = ({ role, scope }: HeldRole) =>
    `${showName(role)} · ${scope === null ? t('all projects') : (projects.find(({ id }) => id === scope)?.name ?? scope)}`
  ask({
    title: t('Take roles of {email}', { email: operator.email }),
    submit: t('Take'),
    isDanger: true,
    lead: t('What the role allows ends at once, in every session.'),
    fields: (
      <Select
        label={t('Role')}
        name="scope"
        value="every"
        options={[
          ['every', t('Every role')],
          ...operator.roles.map((held) => [held.scope ?? '', nameOf(held)] as const),
        ]}
      />
    ),
    onSubmit: async ({ scope = '' }) => {
      const path = `operators/${operator.uuid}`
      const query = scope === '' ? '' : `?scope=${encodeURIComponent(scope)}`
      await change('DELETE', scope === 'every' ? path : `${path}/roles${query}`)
      changed()
      toast(t('The role is taken.'))
    },
  })
}

function askForLink({ uuid, email }: Operator): void {
  ask({
    title: t('New set-up link'),
    submit: t('Make a link'),
    lead: t('{email} sets a new password by it; earlier links end. Second factors stay.', { email }),
    onSubmit: async () => {
      const { setup_url } = await change<SetupLink>('POST', `operators/${uuid}/setup-link`)
      showLink(email, setup_url)
    },
  })
}

function Acts({ operator, changed, ...props }: OperatorsProps & { operator: Operator; changed: () => void }) {
  return (
    <>
      <button type="button" class="small" onClick={() => askForRole(operator, props, changed)}>
        {t('Give role')}
      </button>
      <button type="button" class="small" onClick={() => askForLink(operator)}>
        {t('Set-up link')}
      </button>
      <button type="button" class="small danger" onClick={() => askToTake(operator, props, changed)}>
        {t('Take role')}
      </button>
    </>
  )
}

const columnsOf = (
  { projects }: OperatorsProps,
  accounts: ReadonlyMap<string, User>,
): readonly Column<Operator>[] => [
  {
    label: t('Operator'),
    kind: 'wide',
    show: (operator) => {
      const user = accounts.get(operator.uuid)
      const isYou = operator.uuid === currentOperator().id
      return (
        <>
          <Name operator={operator} user={user} />
          {(isYou || operator.disabled_at) && (
            <span class="below">
              {isYou && t('You')} {operator.disabled_at && t('Disabled')}
            </span>
          )}
          {user && <SignInProtection user={user} />}
        </>
      )
    },
  },
  {
    label: t('Roles'),
    show: ({ roles }) => (
      <span class="badges">
        {roles.map((held) => (
          <RoleBadge key={held.scope ?? ''} held={held} projects={projects} />
        ))}
      </span>
    ),
  },
  { label: t('Since'), kind: 'spare', show: ({ created_at }) => <When at={created_at} /> },
]

export function Operators(props: OperatorsProps) {
  const operators = useRead<List<Operator>>('operators')
  const accounts = useOperatorAccounts(operators.data?.data ?? [])
  const mayWrite = canEverywhere('operators.write')
  const acts = actionsColumn<Operator>((operator) => (
    <Acts {...props} operator={operator} changed={operators.reload} />
  ))
  return (
    <View
      title={t('Operators')}
      lead={t('People who administer this installation, each with a role for one project or for all.')}
      actions={
        mayWrite && (
          <NewButton label={t('New operator')} open={() => askForOperator(props, operators.reload)} />
        )
      }
    >
      <Card isFlush>
        <ListTable
          label={t('Operators')}
          list={operators}
          columns={[...columnsOf(props, accounts), ...(mayWrite ? [acts] : [])]}
          id={({ uuid }) => uuid}
        />
      </Card>
    </View>
  )
}
