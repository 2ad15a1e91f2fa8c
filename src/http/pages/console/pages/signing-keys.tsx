// The signing keys of access tokens, which all projects share.
import { change } from '../api.ts'
import { type Loaded, useRead } from '../loading.ts'
import { ask, Checkbox } from '../parts/form.tsx'
import { Empty } from '../parts/states.tsx'
import { actionsColumn, type Column, ListTable } from '../parts/table.tsx'
import { Badge, Truncated, When } from '../parts/text.tsx'
import { toast } from '../parts/toasts.tsx'
import { Card, View } from '../parts/view.tsx'
import { can, operatorsProjectId } from '../permissions.ts'
import { t } from '../texts.ts'
import type { List, Project, SigningKey } from '../types.ts'

const states: Readonly<
  Record<SigningKey['state'], readonly [tone: 'good' | 'plain' | 'warn', name: string]>
> = {
  next: ['plain', 'Published, signs next'],
  current: ['good', 'Signs'],
  previous: ['warn', 'Verifies only'],
}

interface KeysOf {
  path: string
  keys: Loaded<List<SigningKey>>
}

function askToRotate({ path, keys }: KeysOf): void {
  ask({
    title: t('Rotate signing keys'),
    submit: t('Rotate'),
    lead: t('The next keys sign from now on; the current ones still verify. Keys rotate by themselves too.'),
    fields: (
      <Checkbox label={t('Also if the next keys were published less than ten minutes ago')} name="force" />
    ),
    onSubmit: async ({ force }) => {
      keys.set(await change<List<SigningKey>>('POST', `${path}/rotate`, { force: force !== undefined }))
      toast(t('The next keys sign.'))
    },
  })
}

function askToRevoke({ path, keys }: KeysOf, { kid }: SigningKey): void {
  ask({
    title: t('Revoke signing key'),
    submit: t('Revoke'),
    isDanger: true,
    lead: t(
      'Every access token that it signed is refused at once, everywhere. Do this when the key is known to others.',
    ),
    confirmation: kid,
    onSubmit: async () => {
      keys.set(await change<List<SigningKey>>('POST', `${path}/${encodeURIComponent(kid)}/revoke`))
      toast(t('The key is revoked.'))
    },
  })
}

const shown: readonly Column<SigningKey>[] = [
  { label: t('Key id'), kind: 'wide', show: ({ kid }) => <Truncated text={kid} isCode /> },
  { label: t('Algorithm'), show: ({ algorithm }) => <code>{algorithm}</code> },
  {
    label: t('State'),
    show: ({ state }) => <Badge tone={states[state][0]}>{t(states[state][1])}</Badge>,
  },
  { label: t('Created'), show: ({ created_at }) => <When at={created_at} /> },
]

const revokeColumn = (of: KeysOf) =>
  actionsColumn<SigningKey>((key) => (
    <button type="button" class="small danger" onClick={() => askToRevoke(of, key)}>
      {t('Revoke')}
    </button>
  ))

export function SigningKeys({ projects }: { projects: readonly Project[] }) {
  // The routes name a project, but the keys are the same for all.
  const project = projects.find(({ id }) => id !== operatorsProjectId && can('keys.read', id))
  const path = project ? `projects/${project.id}/keys` : null
  const keys = useRead<List<SigningKey>>(path)
  const mayWrite = project !== undefined && can('keys.write', project.id)
  const of = path !== null && mayWrite ? { path, keys } : null
  return (
    <View
      title={t('Signing keys')}
      lead={t(
        'They sign access tokens, and all projects share them. Their public halves are at /.well-known/jwks.json.',
      )}
      actions={
        of && (
          <button type="button" class="primary" onClick={() => askToRotate(of)}>
            {t('Rotate')}
          </button>
        )
      }
    >
      <Card isFlush>
        {path === null ? (
          <Empty icon="keys" title={t('No project yet')}>
            {t('Keys are shown once there is a project.')}
          </Empty>
        ) : (
          <ListTable
            label={t('Signing keys')}
            list={keys}
            columns={of ? [...shown, revokeColumn(of)] : shown}
            id={({ kid }) => kid}
          />
        )}
      </Card>
    </View>
  )
}
