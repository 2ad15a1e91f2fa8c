// The users of a project: search, and a list in pages.
import { create } from '../api.ts'
import { showPerson } from '../format.ts'
import { usePages } from '../loading.ts'
import { can } from '../may.ts'
import { Search } from '../parts/filters.tsx'
import { ask, Choice, Field, Tick } from '../parts/form.tsx'
import { Icon } from '../parts/icons.tsx'
import { Empty } from '../parts/states.tsx'
import { type Column, PagedTable } from '../parts/table.tsx'
import { Badge, Cut, When } from '../parts/text.tsx'
import { Card, View } from '../parts/view.tsx'
import { go, type Route, setQuery, to } from '../route.ts'
import { t } from '../texts.ts'
import type { Project, User } from '../types.ts'

const states = [
  ['', 'Every state'],
  ['active', 'Active'],
  ['unverified', 'Unverified'],
  ['disabled', 'Disabled'],
  ['deleting', 'Waiting for deletion'],
] as const

const isUuid = (text: string) => /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text)

/** The query of a search: words of a name, a UUID, or the beginning of an address. */
function queryOf(text: string, by: string, state: string) {
  const field = by === 'name' ? 'name' : isUuid(text) ? 'uuid' : 'email'
  return { ...(text === '' ? {} : { [field]: text }), ...(state === '' ? {} : { state }) }
}

/** The state of a user, in one badge. */
export function StateBadge({ user }: { user: User }) {
  if (user.deletion_due_at) return <Badge tone="wrong">{t('Waiting for deletion')}</Badge>
  if (user.disabled_at) return <Badge tone="wrong">{t('Disabled')}</Badge>
  if (!user.email_verified_at) return <Badge tone="warn">{t('Unverified')}</Badge>
  return <Badge tone="good">{t('Active')}</Badge>
}

const columnsOf = (project: string): readonly Column<User>[] => [
  {
    label: t('User'),
    kind: 'wide',
    show: (user) => (
      <>
        <a class="name" href={to(['projects', project, 'users', user.uuid])}>
          <Cut text={user.email} />
        </a>
        {showPerson(user) && (
          <span class="below">
            <Cut text={showPerson(user)} />
          </span>
        )}
      </>
    ),
  },
  { label: t('State'), show: (user) => <StateBadge user={user} /> },
  {
    label: t('Second factor'),
    kind: 'spare',
    show: ({ second_factors }) =>
      second_factors.length > 0 ? <Badge tone="good">{t('On')}</Badge> : <span class="quiet">–</span>,
  },
  {
    label: t('Role'),
    kind: 'spare',
    show: ({ role }) =>
      role === 'admin' ? <Badge>{t('Admin')}</Badge> : <span class="quiet">{t('User')}</span>,
  },
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
        <Tick label={t('I vouch for the address: it counts as verified.')} name="verified" />
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

function Filters({ q, by, state }: { q: string; by: string; state: string }) {
  const isByName = by === 'name'
  return (
    <div class="filters">
      <Search
        key={by}
        label={isByName ? t('Words of the name') : t('Beginning of the address, or a UUID')}
        placeholder={isByName ? 'ada love' : 'ada@'}
        value={q}
        search={(typed) => setQuery({ q: typed, by, state })}
      />
      <Choice
        label={t('Search by')}
        name="by"
        value={by}
        options={[
          ['', t('Address or UUID')],
          ['name', t('Name')],
        ]}
        onChange={(chosen) => setQuery({ q, by: chosen, state })}
      />
      <Choice
        label={t('State')}
        name="state"
        value={state}
        options={states.map(([value, shown]) => [value, t(shown)])}
        onChange={(chosen) => setQuery({ q, by, state: chosen })}
      />
    </div>
  )
}

export function Users({ project, route }: { project: Project; route: Route }) {
  const [q, by, state] = ['q', 'by', 'state'].map((name) => route.query.get(name) ?? '') as [
    string,
    string,
    string,
  ]
  const pages = usePages<User>(`projects/${project.id}/users`, queryOf(q, by, state))
  const isSearched = q !== '' || state !== ''
  return (
    <View
      title={t('Users')}
      actions={
        can('users.write', project.id) && (
          <button type="button" class="primary" onClick={() => askForUser(project.id)}>
            <Icon name="plus" /> {t('New user')}
          </button>
        )
      }
    >
      <Filters q={q} by={by} state={state} />
      <Card isFlush>
        <PagedTable
          label={t('Users')}
          pages={pages}
          columns={columnsOf(project.id)}
          id={({ uuid }) => uuid}
          empty={
            <Empty icon="users" title={isSearched ? t('Nobody is found') : t('No user yet')}>
              {isSearched
                ? t('An address is found by its beginning, a name by the beginning of each word.')
                : t('Users appear here when they sign up, or when you create them.')}
            </Empty>
          }
        />
      </Card>
    </View>
  )
}
