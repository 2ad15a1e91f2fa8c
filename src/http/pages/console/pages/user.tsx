// One user: profile, sessions, factors, identities, teams, API keys and activity.
import { read } from '../api.ts'
import { showPerson } from '../format.ts'
import { type Loaded, useRead } from '../loading.ts'
import { Avatar } from '../parts/avatar.tsx'
import { ActionButton } from '../parts/buttons.tsx'
import { saveFile } from '../parts/download.ts'
import { LoadedView } from '../parts/states.tsx'
import { Badge, Id, When } from '../parts/text.tsx'
import { Card, Facts, View } from '../parts/view.tsx'
import { can } from '../permissions.ts'
import { linkTo } from '../route.ts'
import { t } from '../texts.ts'
import type { Project, User as UserEntry } from '../types.ts'
import { UserActions } from './user-actions.tsx'
import { Activities } from './user-activity.tsx'
import { ApiKeys } from './user-api-keys.tsx'
import { EditButton } from './user-edit.tsx'
import { Factors } from './user-factors.tsx'
import { Identities } from './user-identities.tsx'
import { Sessions } from './user-sessions.tsx'
import { Teams } from './user-teams.tsx'
import { StateBadge } from './users.tsx'

interface UserProps {
  project: Project
  uuid: string
}

const proofs: Readonly<Record<string, string>> = {
  holder: 'by mailbox and holder together',
  claim: 'by the mail of the sign-up',
  mailbox: 'by the mailbox alone',
}

export function User({ project, uuid }: UserProps) {
  const path = `projects/${project.id}/users/${uuid}`
  const user = useRead<UserEntry>(path)
  return (
    <View
      title={user.data?.email ?? t('User')}
      trail={<a href={linkTo(['projects', project.id, 'users'])}>{t('Users')}</a>}
      face={user.data && <Avatar user={user.data} />}
      lead={user.data && <Lead user={user.data} />}
      actions={user.data && <UserActions project={project} user={user.data} path={path} loaded={user} />}
    >
      <LoadedView of={user} lines={8}>
        {(data) => <AccountSections project={project} user={data} path={path} loaded={user} />}
      </LoadedView>
    </View>
  )
}

function Lead({ user }: { user: UserEntry }) {
  return (
    <span class="badges">
      <StateBadge user={user} />
      {user.role === 'admin' && <Badge>{t('Admin')}</Badge>}
      {user.second_factors.length > 0 && <Badge tone="good">{t('Second factor')}</Badge>}
      {user.factors_reset_due_at && <Badge tone="warn">{t('Factors will be removed')}</Badge>}
    </span>
  )
}

interface AccountSectionsProps {
  project: Project
  user: UserEntry
  path: string
  loaded: Loaded<UserEntry>
}

function AccountSections(props: AccountSectionsProps) {
  const { project, user, path } = props
  return (
    <>
      <Profile {...props} />
      {can('users.sessions.read', project.id) && <Sessions project={project.id} path={path} />}
      <Factors project={project.id} user={user} path={path} />
      <div class="halves">
        <Identities path={path} />
        <Teams project={project.id} path={path} />
      </div>
      <ApiKeys project={project.id} path={path} />
      {can('users.activity.read', project.id) && (
        <Activities project={project.id} email={user.email} path={path} />
      )}
    </>
  )
}

/** Saves the data export of the user (GDPR, articles 15 and 20) as a file. */
async function saveExport(path: string, uuid: string): Promise<void> {
  const everything = await read<object>(`${path}/export`)
  saveFile(`account-${uuid}.json`, JSON.stringify(everything, null, 2), 'application/json')
}

function Profile({ project, user, path, loaded }: AccountSectionsProps) {
  const verified = user.email_verified_at && (
    <>
      <When at={user.email_verified_at} /> {t(proofs[user.email_proof ?? ''] ?? '')}
    </>
  )
  return (
    <Card
      title={t('Profile')}
      actions={
        <>
          {can('users.export', project.id) && (
            <ActionButton
              kind="small"
              work={() => saveExport(path, user.uuid)}
              done={t('The export is saved.')}
            >
              {t('Export data')}
            </ActionButton>
          )}
          {can('users.write', project.id) && <EditButton path={path} changed={loaded.set} />}
        </>
      }
    >
      <Facts
        of={[
          [t('Address'), <Id key="email" text={user.email} />],
          [t('Name'), showPerson(user) ? <bdi key="name">{showPerson(user)}</bdi> : t('None')],
          [t('UUID'), <Id key="uuid" text={user.uuid} />],
          [t('Address verified'), verified || t('No')],
          [t('Language'), user.locale ?? t('Not set')],
          [t('Last sign-in'), <When key="last" at={user.last_sign_in_at} />],
          [t('Signed up'), <When key="created" at={user.created_at} />],
          [t('Changed'), <When key="updated" at={user.updated_at} />],
          user.disabled_at && [t('Disabled'), <When key="disabled" at={user.disabled_at} />],
          user.deletion_due_at && [t('Will be deleted'), <When key="due" at={user.deletion_due_at} />],
        ]}
      />
      {Object.keys(user.metadata).length > 0 && (
        <details class="metadata">
          <summary>{t('Metadata')}</summary>
          <pre>{JSON.stringify(user.metadata, null, 2)}</pre>
        </details>
      )}
    </Card>
  )
}
