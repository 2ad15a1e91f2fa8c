// One team, and its members.
import { change } from '../api.ts'
import { showName, showPerson } from '../format.ts'
import { type Loaded, useRead } from '../loading.ts'
import { ask, Field, Select } from '../parts/form.tsx'
import { Empty, LoadedView } from '../parts/states.tsx'
import { actionsColumn, type Column, ListTable } from '../parts/table.tsx'
import { Badge, Id, NameLink, SecondLine, When } from '../parts/text.tsx'
import { toast } from '../parts/toasts.tsx'
import { Card, View } from '../parts/view.tsx'
import { can } from '../permissions.ts'
import { go, linkTo } from '../route.ts'
import { t } from '../texts.ts'
import type { AdminTeam, List, Project, TeamMember } from '../types.ts'

const roles = ['ADMIN', 'BUILDER', 'OPERATOR', 'VIEWER'] as const
const roleOptions = roles.map((role) => [role, showName(role.toLowerCase())] as const)

interface TeamProps {
  project: Project
  id: string
}

function askToRename(path: string, team: Loaded<AdminTeam>): void {
  ask({
    title: t('Rename team'),
    submit: t('Rename'),
    fields: (
      <Field label={t('Name')} name="name" value={team.data?.name ?? ''} maxlength={100} required autofocus />
    ),
    onSubmit: async ({ name }) => {
      team.set(await change<AdminTeam>('PATCH', path, { name }))
      toast(t('The team is renamed.'))
    },
  })
}

function askToDelete(path: string, { name }: AdminTeam, project: string): void {
  ask({
    title: t('Delete team'),
    submit: t('Delete'),
    isDanger: true,
    lead: t('The accounts of its members stay.'),
    confirmation: name,
    onSubmit: async () => {
      await change('DELETE', path)
      go(['projects', project, 'teams'])
      toast(t('The team is deleted.'))
    },
  })
}

function askForMember(path: string, changed: () => void): void {
  ask({
    title: t('Add a member'),
    submit: t('Add'),
    lead: t('The user of the address is in the team at once, without an invitation.'),
    fields: (
      <>
        <Field label={t('E-mail address')} name="email" type="email" required autofocus />
        <Select label={t('Role')} name="role" value="VIEWER" options={roleOptions} />
      </>
    ),
    onSubmit: async ({ email, role }) => {
      await change('POST', `${path}/members`, { email, role })
      changed()
      toast(t('The member is added.'))
    },
  })
}

function askForRole(path: string, { user_uuid, email, role }: TeamMember, changed: () => void): void {
  ask({
    title: t('Role of {email}', { email }),
    submit: t('Save'),
    fields: <Select label={t('Role')} name="role" value={role} options={roleOptions} />,
    onSubmit: async (typed) => {
      await change('PATCH', `${path}/members/${user_uuid}`, { role: typed.role })
      changed()
      toast(t('The role is changed.'))
    },
  })
}

function askToRemove(path: string, { user_uuid, email }: TeamMember, changed: () => void): void {
  ask({
    title: t('Remove member'),
    submit: t('Remove'),
    isDanger: true,
    lead: t('{email} leaves the team; the account stays.', { email }),
    onSubmit: async () => {
      await change('DELETE', `${path}/members/${user_uuid}`)
      changed()
      toast(t('The member is removed.'))
    },
  })
}

export function Team({ project, id }: TeamProps) {
  const path = `projects/${project.id}/teams/${id}`
  const team = useRead<AdminTeam>(path)
  const mayWrite = can('teams.write', project.id)
  const data = team.data
  return (
    <View
      title={data?.name ?? t('Team')}
      trail={<a href={linkTo(['projects', project.id, 'teams'])}>{t('Teams')}</a>}
      lead={data && <Id text={data.id} />}
      actions={
        data &&
        mayWrite && (
          <>
            <button type="button" onClick={() => askToRename(path, team)}>
              {t('Rename')}
            </button>
            <button type="button" class="danger" onClick={() => askToDelete(path, data, project.id)}>
              {t('Delete')}
            </button>
          </>
        )
      }
    >
      <LoadedView of={team}>{() => <Members project={project.id} path={path} />}</LoadedView>
    </View>
  )
}

const actsColumn = (path: string, changed: () => void) =>
  actionsColumn<TeamMember>((member) => (
    <>
      <button type="button" class="small" onClick={() => askForRole(path, member, changed)}>
        {t('Role')}
      </button>
      <button type="button" class="small danger" onClick={() => askToRemove(path, member, changed)}>
        {t('Remove')}
      </button>
    </>
  ))

const columnsOf = (project: string): readonly Column<TeamMember>[] => [
  {
    label: t('Member'),
    kind: 'wide',
    show: (member) => (
      <>
        <NameLink path={['projects', project, 'users', member.user_uuid]} text={member.email} />
        <SecondLine text={showPerson(member)} />
      </>
    ),
  },
  { label: t('Role'), show: ({ role }) => <Badge>{showName(role.toLowerCase())}</Badge> },
  { label: t('Joined'), show: ({ joined_at }) => <When at={joined_at} /> },
]

function Members({ project, path }: { project: string; path: string }) {
  const members = useRead<List<TeamMember>>(`${path}/members`)
  const mayWrite = can('teams.write', project)
  const columns = [...columnsOf(project), ...(mayWrite ? [actsColumn(path, members.reload)] : [])]
  return (
    <Card
      isFlush
      title={t('Members')}
      actions={
        mayWrite && (
          <button type="button" onClick={() => askForMember(path, members.reload)}>
            {t('Add a member')}
          </button>
        )
      }
    >
      <ListTable
        label={t('Members')}
        list={members}
        columns={columns}
        id={({ user_uuid }) => user_uuid}
        empty={<Empty icon="teams" title={t('No member yet')} />}
      />
    </Card>
  )
}
