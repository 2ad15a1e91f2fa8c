// One webhook: its state, what may be done to it, and its deliveries.
import { change } from '../api.ts'
import { type Loaded, useRead } from '../loading.ts'
import { ActionButton } from '../parts/buttons.tsx'
import { ask } from '../parts/form.tsx'
import { LoadedView } from '../parts/states.tsx'
import { Id, When } from '../parts/text.tsx'
import { toast } from '../parts/toasts.tsx'
import { Card, Facts, View } from '../parts/view.tsx'
import { can } from '../permissions.ts'
import { go, linkTo } from '../route.ts'
import { t } from '../texts.ts'
import type { Project, Webhook as WebhookEntry, WebhookWithSecret } from '../types.ts'
import { Deliveries } from './deliveries.tsx'
import { typesOf, WebhookFields } from './webhook-fields.tsx'
import { showWebhookSecret, WebhookBadge } from './webhooks.tsx'

interface ActionsProps {
  project: string
  path: string
  webhook: WebhookEntry
  loaded: Loaded<WebhookEntry>
}

function askToChange({ path, webhook, loaded }: ActionsProps): void {
  ask({
    title: t('Change webhook'),
    submit: t('Save'),
    fields: <WebhookFields webhook={webhook} />,
    onSubmit: async ({ url, description = '', types = '' }) => {
      loaded.set(await change<WebhookEntry>('PATCH', path, { url, description, types: typesOf(types) }))
      toast(t('The webhook is changed.'))
    },
  })
}

function askToRotate({ path, loaded }: ActionsProps): void {
  ask({
    title: t('New secret'),
    submit: t('Make a new secret'),
    lead: t('For a day both secrets sign, so that you can change the receiver without a gap.'),
    onSubmit: async () => {
      const made = await change<WebhookWithSecret>('POST', `${path}/rotate-secret`)
      loaded.set(made.webhook)
      showWebhookSecret(made)
    },
  })
}

function askToDelete({ project, path }: ActionsProps): void {
  ask({
    title: t('Remove webhook'),
    submit: t('Remove'),
    isDanger: true,
    lead: t(
      'The webhook and its deliveries are removed. Events that it has not received are not sent to it.',
    ),
    onSubmit: async () => {
      await change('DELETE', path)
      go(['projects', project, 'webhooks'])
      toast(t('The webhook is removed.'))
    },
  })
}

function WebhookActions(props: ActionsProps) {
  const { path, webhook, loaded } = props
  const isEnabled = !webhook.disabled_at
  return (
    <>
      <button type="button" onClick={() => askToChange(props)}>
        {t('Change')}
      </button>
      <button type="button" onClick={() => askToRotate(props)}>
        {t('New secret')}
      </button>
      <ActionButton
        work={async () => loaded.set(await change<WebhookEntry>('PATCH', path, { enabled: !isEnabled }))}
        done={isEnabled ? t('The webhook is disabled.') : t('The webhook is enabled.')}
      >
        {isEnabled ? t('Disable') : t('Enable')}
      </ActionButton>
      <button type="button" class="danger" onClick={() => askToDelete(props)}>
        {t('Remove')}
      </button>
    </>
  )
}

export function Webhook({ project, id }: { project: Project; id: string }) {
  const path = `projects/${project.id}/webhooks/${id}`
  const webhook = useRead<WebhookEntry>(path)
  const mayWrite = can('webhooks.write', project.id)
  return (
    <View
      title={webhook.data?.url ?? t('Webhook')}
      trail={<a href={linkTo(['projects', project.id, 'webhooks'])}>{t('Webhooks')}</a>}
      lead={webhook.data && <WebhookBadge webhook={webhook.data} />}
      actions={
        webhook.data &&
        mayWrite && (
          <WebhookActions project={project.id} path={path} webhook={webhook.data} loaded={webhook} />
        )
      }
    >
      <LoadedView of={webhook} lines={3}>
        {(data) => (
          <Card title={t('About this webhook')}>
            <Facts
              of={[
                [t('Description'), data.description ? <bdi key="text">{data.description}</bdi> : t('None')],
                [t('Events'), data.types.join(', ') || t('All')],
                [t('Id'), <Id key="id" text={data.id} />],
                [t('Created'), <When key="created" at={data.created_at} />],
              ]}
            />
          </Card>
        )}
      </LoadedView>
      <Deliveries path={path} mayWrite={mayWrite} changed={webhook.reload} />
    </View>
  )
}
