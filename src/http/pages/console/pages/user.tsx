// One user: the profile, and everything that belongs to the account.
import { showPerson } from '../format.ts'
import { type Loaded, useRead } from '../loading.ts'
import { can } from '../may.ts'
import { LoadedView } from '../parts/states.tsx'
import { Badge, Id, When } from '../parts/text.tsx'
import { Card, Facts, View } from '../parts/view.tsx'
import { to } from '../route.ts'
import { t } from '../texts.ts'
import type { Project, User as UserEntry } from '../types.ts'
import { UserActions } from './user-actions.tsx'
import { Activities } from './user-activity.tsx'
import { ApiKeys, Identities, Teams } from './user-holdings.tsx'
import { Sessions } from './user-sessions.tsx'
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
      trail={<a href={to(['projects', project.id, 'users'])}>{t('Users')}</a>}
      lead={user.data && <Lead user={user.data} />}
      actions={user.data && <UserActions project={project} user={user.data} path={path} loaded={user} />}
    >
      <LoadedView of={user} lines={8}>
        {(data) => <Holdings project={project} user={data} path={path} loaded={user} />}
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

interface HoldingsProps {
  project: Project
  user: UserEntry
  path: string
  loaded: Loaded<UserEntry>
}

function Holdings({ project, user, path }: HoldingsProps) {
  return (
    <>
      <Profile user={user} />
      {can('users.sessions.read', project.id) && <Sessions project={project.id} path={path} />}
      <Factors user={user} />
      <div class="halves">
        <Identities path={path} />
        <Teams project={project.id} path={path} />
      </div>
      <ApiKeys project={project.id} path={path} />
      {can('users.activity.read', project.id) && <Activities path={path} />}
    </>
  )
}

function Profile({ user }: { user: UserEntry }) {
  const verified = user.email_verified_at && (
    <>
      <When at={user.email_verified_at} /> {t(proofs[user.email_proof ?? ''] ?? '')}
    </>
  )
  return (
    <Card title={t('Profile')}>
      <Facts
        of={[
          [t('Name'), showPerson(user) ? <bdi key="name">{showPerson(user)}</bdi> : t('None')],
          [t('UUID'), <Id key="uuid" text={user.uuid} />],
          [t('Address verified'), verified || t('No')],
          [t('Language'), user.locale ?? t('Not set')],
          [t('Signed up'), <When key="created" at={user.created_at} />],
          [t('Changed'), <When key="updated" at={user.updated_at} />],
          ...(user.disabled_at
            ? ([[t('Disabled'), <When key="disabled" at={user.disabled_at} />]] as const)
            : []),
          ...(user.deletion_due_at
            ? ([[t('Will be deleted'), <When key="due" at={user.deletion_due_at} />]] as const)
            : []),
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

const factorNames: Readonly<Record<string, string>> = {
  totp: 'Authenticator app',
  passkey: 'Passkey',
  recovery_code: 'Recovery codes',
}

function Factors({ user }: { user: UserEntry }) {
  const factors = user.second_factors.map((factor) => t(factorNames[factor] ?? factor))
  return (
    <Card title={t('Ways in')}>
      <Facts
        of={[
          [t('Password'), user.has_password ? t('Set') : t('None')],
          [t('Second factors'), factors.join(', ') || t('None')],
          [t('First sign-in by'), user.provider ?? t('Address')],
          ...(user.factors_reset_due_at
            ? ([[t('Factors are removed'), <When key="due" at={user.factors_reset_due_at} />]] as const)
            : []),
        ]}
      />
    </Card>
  )
}
