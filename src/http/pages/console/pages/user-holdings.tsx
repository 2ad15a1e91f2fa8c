// What a user has beside sessions: sign-in providers, API keys and teams.
import { change } from '../api.ts'
import { showName } from '../format.ts'
import { useRead } from '../loading.ts'
import { can } from '../may.ts'
import { ask } from '../parts/form.tsx'
import { LoadedView } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Badge, Cut, When } from '../parts/text.tsx'
import { say } from '../parts/toasts.tsx'
import { Card } from '../parts/view.tsx'
import { to } from '../route.ts'
import { t } from '../texts.ts'
import type { ApiKey, Identity, List, Team } from '../types.ts'

const None = ({ text }: { text: string }) => <p class="none quiet">{text}</p>

export function Identities({ path }: { path: string }) {
  const identities = useRead<List<Identity>>(`${path}/identities`)
  return (
    <Card isFlush title={t('Sign-in providers')}>
      <LoadedView of={identities} lines={2}>
        {({ data }) =>
          data.length === 0 ? (
            <None text={t('No provider is linked.')} />
          ) : (
            <Table
              label={t('Sign-in providers')}
              rows={data}
              id={({ id }) => id}
              columns={[
                { label: t('Provider'), show: ({ provider }) => showName(provider) },
                { label: t('Address'), kind: 'wide', show: ({ email }) => <Cut text={email ?? '–'} /> },
                { label: t('Last used'), show: ({ last_used_at }) => <When at={last_used_at} /> },
              ]}
            />
          )
        }
      </LoadedView>
    </Card>
  )
}

export function Teams({ project, path }: { project: string; path: string }) {
  const teams = useRead<List<Team>>(`${path}/teams`)
  return (
    <Card isFlush title={t('Teams')}>
      <LoadedView of={teams} lines={2}>
        {({ data }) =>
          data.length === 0 ? (
            <None text={t('In no team.')} />
          ) : (
            <Table
              label={t('Teams')}
              rows={data}
              id={({ id }) => id}
              columns={[
                {
                  label: t('Team'),
                  kind: 'wide',
                  show: ({ id, name }) =>
                    can('teams.read', project) ? (
                      <a class="name" href={to(['projects', project, 'teams', id])}>
                        <Cut text={name} />
                      </a>
                    ) : (
                      <Cut text={name} />
                    ),
                },
                { label: t('Role'), show: ({ role }) => <Badge>{showName(role.toLowerCase())}</Badge> },
                { label: t('Members'), kind: 'end', show: ({ member_count }) => member_count },
              ]}
            />
          )
        }
      </LoadedView>
    </Card>
  )
}

function KeyState({ apiKey }: { apiKey: ApiKey }) {
  if (apiKey.revoked_at) return <Badge tone="wrong">{t('Revoked')}</Badge>
  if (apiKey.expires_at && new Date(apiKey.expires_at).getTime() < Date.now())
    return <Badge>{t('Expired')}</Badge>
  return <Badge tone="good">{t('Active')}</Badge>
}

function askToRevoke(path: string, { id, name }: ApiKey, changed: () => void): void {
  ask({
    title: t('Revoke the API key'),
    submit: t('Revoke'),
    isDanger: true,
    lead: t('Programs that use “{name}” are refused at once. This cannot be undone.', { name }),
    onSubmit: async () => {
      await change('POST', `${path}/api-keys/${id}/revoke`)
      changed()
      say(t('The key is revoked.'))
    },
  })
}

export function ApiKeys({ project, path }: { project: string; path: string }) {
  const keys = useRead<List<ApiKey>>(`${path}/api-keys`)
  const revoke: Column<ApiKey> = {
    label: t('Actions'),
    kind: 'act',
    show: (key) =>
      !key.revoked_at && (
        <span>
          <button type="button" class="small danger" onClick={() => askToRevoke(path, key, keys.reload)}>
            {t('Revoke')}
          </button>
        </span>
      ),
  }
  const columns: readonly Column<ApiKey>[] = [
    { label: t('Name'), kind: 'wide', show: ({ name }) => <Cut text={name} /> },
    { label: t('Prefix'), show: ({ key_prefix }) => <Cut text={key_prefix} isCode /> },
    { label: t('State'), show: (key) => <KeyState apiKey={key} /> },
    { label: t('Last used'), show: ({ last_used_at }) => <When at={last_used_at} /> },
    ...(can('users.write', project) ? [revoke] : []),
  ]
  return (
    <Card isFlush title={t('API keys')}>
      <LoadedView of={keys} lines={2}>
        {({ data }) =>
          data.length === 0 ? (
            <None text={t('No API key.')} />
          ) : (
            <Table label={t('API keys')} rows={data} columns={columns} id={({ id }) => id} />
          )
        }
      </LoadedView>
    </Card>
  )
}
