// The webhooks of a project.
import { create } from '../api.ts'
import { useRead } from '../loading.ts'
import { NewButton } from '../parts/buttons.tsx'
import { ask } from '../parts/form.tsx'
import { Empty } from '../parts/states.tsx'
import { type Column, ListTable } from '../parts/table.tsx'
import { Badge, NameLink, SecondLine, showSecret, When } from '../parts/text.tsx'
import { Card, View } from '../parts/view.tsx'
import { can } from '../permissions.ts'
import { go } from '../route.ts'
import { t } from '../texts.ts'
import type { List, Project, Webhook, WebhookWithSecret } from '../types.ts'
import { typesOf, WebhookFields } from './webhook-fields.tsx'

/** Shows the signing secret of a webhook. No later answer has it. */
export const showWebhookSecret = ({ secret }: WebhookWithSecret, onClose?: () => void): void =>
  showSecret(
    t('Secret of the webhook'),
    t('The receiver verifies signatures by it, with any library of Standard Webhooks.'),
    secret,
    onClose,
  )

/** The state of a webhook: enabled, failing or disabled. */
export function WebhookBadge({ webhook }: { webhook: Webhook }) {
  if (webhook.disabled_at)
    return (
      <Badge tone="wrong">{webhook.disabled_reason === 'gone' ? t('Disabled: gone') : t('Disabled')}</Badge>
    )
  if (webhook.failures > 0)
    return <Badge tone="warn">{t('{count} failures in a row', { count: webhook.failures })}</Badge>
  return <Badge tone="good">{t('Enabled')}</Badge>
}

function askForWebhook(project: string): void {
  ask({
    title: t('New webhook'),
    submit: t('Create webhook'),
    lead: t(
      'From now on the address is sent every event by POST, signed, at least once and in order for each subject.',
    ),
    fields: <WebhookFields />,
    onSubmit: async ({ url, description = '', types = '' }) => {
      const made = await create<WebhookWithSecret>(`projects/${project}/webhooks`, {
        url,
        description,
        types: typesOf(types),
      })
      showWebhookSecret(made, () => go(['projects', project, 'webhooks', made.webhook.id]))
    },
  })
}

const columnsOf = (project: string): readonly Column<Webhook>[] => [
  {
    label: t('Address'),
    kind: 'wide',
    show: ({ id, url, description }) => (
      <>
        <NameLink path={['projects', project, 'webhooks', id]} text={url} />
        <SecondLine text={description} />
      </>
    ),
  },
  { label: t('State'), show: (webhook) => <WebhookBadge webhook={webhook} /> },
  {
    label: t('Events'),
    show: ({ types }) =>
      types.length === 0 ? (
        t('All')
      ) : (
        <span title={types.join(', ')}>{t('{count} types', { count: types.length })}</span>
      ),
  },
  { label: t('Created'), kind: 'spare', show: ({ created_at }) => <When at={created_at} /> },
]

export function Webhooks({ project }: { project: Project }) {
  const webhooks = useRead<List<Webhook>>(`projects/${project.id}/webhooks`)
  const button = can('webhooks.write', project.id) && (
    <NewButton label={t('New webhook')} open={() => askForWebhook(project.id)} />
  )
  return (
    <View title={t('Webhooks')} lead={t('Your services learn of changes as they happen.')} actions={button}>
      <Card isFlush>
        <ListTable
          label={t('Webhooks')}
          list={webhooks}
          columns={columnsOf(project.id)}
          id={({ id }) => id}
          empty={
            <Empty icon="webhooks" title={t('No webhook yet')}>
              {t('A webhook sends each change of users, sessions, teams, keys and factors to your address.')}
            </Empty>
          }
        />
      </Card>
    </View>
  )
}
