// The users of a project, with a search.
import { useMemo } from 'preact/hooks'
import { create } from '../api.ts'
import { showName, showPerson } from '../format.ts'
import { usePages } from '../loading.ts'
import { Avatar } from '../parts/avatar.tsx'
import { NewButton, RefreshButton } from '../parts/buttons.tsx'
import { ask, Checkbox, Field, Select } from '../parts/form.tsx'
import { Search } from '../parts/search.tsx'
import { Empty } from '../parts/states.tsx'
import { type Column, PagedTable } from '../parts/table.tsx'
import { Badge, NameLink, SecondLine, When } from '../parts/text.tsx'
import { Card, View } from '../parts/view.tsx'
import { can } from '../permissions.ts'
import { go, queryValues, type Route, setQuery } from '../route.ts'
import { t } from '../texts.ts'
import type { Project, User } from '../types.ts'

const states = [
  ['', t('Every state')],
  ['active', t('Active')],
  ['unverified', t('Unverified')],
  ['disabled', t('Disabled')],
  ['deleting', t('Waiting for deletion')],
] as const

const isUuid = (text: string) => /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text)

/** The choices for the age of an account, in days. */
const ages = [
  ['', t('At any time')],
  ['1', t('In the last 24 hours')],
  ['7', t('In the last 7 days')],
  ['30', t('In the last 30 days')],
] as const

const names = ['q', 'by', 'state', 'days'] as const
type Filter = Readonly<Record<(typeof names)[number], string>>

/** The query of a search by words of a name, by UUID, or by the beginning of an address. */
function queryOf({ q, by, state }: Filter, since: string) {
  const field = by === 'name' ? 'name' : isUuid(q) ? 'uuid' : 'email'
  return { ...(q === '' ? {} : { [field]: q }), state, created_since: since }
}

/** The instant that many days ago; the empty string for no limit. */
function daysAgo(days: string): string {
  const count = Number(days)
  return count > 0 && count < 3660 ? new Date(Date.now() - count * 86_400_000).toISOString() : ''
}

export function StateBadge({ user }: { user: User }) {
  if (user.deletion_due_at) return <Badge tone="wrong">{t('Waiting for deletion')}</Badge>
  if (user.disabled_at) return <Badge tone="wrong">{t('Disabled')}</Badge>
  if (!user.email_verified_at) return <Badge tone="warn">{t('Unverified')}</Badge>
  return <Badge tone="good">{t('Active')}</Badge>
}

/** The names of the ways in which a user can sign in. */
function signInMethodsOf({ has_password, passkeys, providers }: User): string {
  const ways = [
    ...(has_password ? [t('Password')] : []),
    ...(passkeys > 0 ? [t('Passkey')] : []),
    ...providers.map(showName),
  ]
  return ways.join(', ') || t('Reset or code by mail')
}

const columnsOf = (project: string): readonly Column<User>[] => [
  {
    label: t('User'),
    kind: 'wide',
    show: (user) => (
      <span class="person">
        <Avatar user={user} />
        <span>
          <NameLink path={['projects', project, 'users', user.uuid]} text={user.email} />
          <SecondLine text={showPerson(user)} />
        </span>
      </span>
    ),
  },
  {
    label: t('State'),
    show: (user) => (
      <span class="badges">
        <StateBadge user={user} />
        {user.role === 'admin' && <Badge>{t('Admin')}</Badge>}
      </span>
    ),
  },
  { label: t('Signs in by'), show: (user) => signInMethodsOf(user) },
  {
    label: t('Second factor'),
    kind: 'spare',
    show: ({ second_factors }) =>
      second_factors.length > 0 ? <Badge tone="good">{t('On')}</Badge> : <span class="quiet">–</span>,
  },
  { label: t('Last sign-in'), show: ({ last_sign_in_at }) => <When at={last_sign_in_at} /> },
  { label: t('Signed up'), show: ({ created_at }) => <When at={created_at} /> },
]

function askForUser(project: string): void {
  ask({
    title: t('New user'),
    submit: t('Create user'),
    lead: t('Without a password, the user chooses one by a reset. No mail is sent now.'),
    fields: (
      <>
        <Field label={t('E-mail address')} name="email" type="email" maxlength={255} required autofocus />
        <Field label={t('Name')} name="display_name" maxlength={255} />
        <Field
          label={t('Password')}
          name="password"
          type="password"
          autocomplete="new-password"
          hint={t('Leave it empty for none.')}
        />
        <Checkbox label={t('I vouch for the address: it counts as verified.')} name="verified" />
      </>
    ),
    onSubmit: async ({ email, display_name, password, verified }) => {
      const made = await create<User>(`projects/${project}/users`, {
        email,
        ...(display_name ? { display_name } : {}),
        ...(password ? { password } : {}),
        verified: verified !== undefined,
      })
      go(['projects', project, 'users', made.uuid])
    },
  })
}

function Filters({ filter }: { filter: Filter }) {
  const { q, by, state, days } = filter
  const isByName = by === 'name'
  const set = (changed: Partial<Filter>) => setQuery({ ...filter, ...changed })
  return (
    <div class="filters">
      <Search
        key={by}
        label={isByName ? t('Words of the name') : t('Beginning of the address, or a UUID')}
        placeholder={isByName ? 'ada love' : 'ada@'}
        value={q}
        search={(typed) => set({ q: typed })}
      />
      <Select
        label={t('Search by')}
        name="by"
        value={by}
        options={[
          ['', t('Address or UUID')],
          ['name', t('Name')],
        ]}
        onChange={(chosen) => set({ by: chosen })}
      />
      <Select
        label={t('State')}
        name="state"
        value={state}
        options={states}
        onChange={(chosen) => set({ state: chosen })}
      />
      <Select
        label={t('Signed up')}
        name="days"
        value={days}
        options={ages}
        onChange={(chosen) => set({ days: chosen })}
      />
    </div>
  )
}

function NoUsers({ isSearched }: { isSearched: boolean }) {
  if (!isSearched)
    return (
      <Empty icon="users" title={t('No user yet')}>
        {t('Users appear here when they sign up, or when you create them.')}
      </Empty>
    )
  return (
    <Empty icon="users" title={t('Nobody is found')}>
      <p>{t('An address is found by its beginning, a name by the beginning of each word.')}</p>
      <button type="button" onClick={() => setQuery({})}>
        {t('Clear the search')}
      </button>
    </Empty>
  )
}

export function Users({ project, route }: { project: Project; route: Route }) {
  const filter = queryValues(route, names)
  // Computed once for each choice, because the pages of a list must have the same query.
  const since = useMemo(() => daysAgo(filter.days), [filter.days])
  const pages = usePages<User>(`projects/${project.id}/users`, queryOf(filter, since))
  const isSearched = filter.q !== '' || filter.state !== '' || since !== ''
  return (
    <View
      title={t('Users')}
      actions={
        <>
          <RefreshButton reload={pages.reload} />
          {can('users.write', project.id) && (
            <NewButton label={t('New user')} open={() => askForUser(project.id)} />
          )}
        </>
      }
    >
      <Filters filter={filter} />
      <Card isFlush>
        <PagedTable
          label={t('Users')}
          pages={pages}
          columns={columnsOf(project.id)}
          id={({ uuid }) => uuid}
          empty={<NoUsers isSearched={isSearched} />}
        />
      </Card>
    </View>
  )
}
