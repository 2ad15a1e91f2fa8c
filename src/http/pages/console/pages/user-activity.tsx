// The activity of a user, as the user sees it.
import { showDevice, showName } from '../format.ts'
import { usePages } from '../loading.ts'
import { Empty } from '../parts/states.tsx'
import { PagedTable } from '../parts/table.tsx'
import { Badge, Truncated, When } from '../parts/text.tsx'
import { Card } from '../parts/view.tsx'
import { can } from '../permissions.ts'
import { linkTo } from '../route.ts'
import { t } from '../texts.ts'
import type { Activity } from '../types.ts'

/** Links to the user's rows in the security log, which also has refused sign-ins. */
function InTheLog({ project, email }: { project: string; email: string }) {
  const at = ['projects', project, 'log']
  return (
    <>
      <a class="button small" href={linkTo(at, { user: email, outcome: 'refused' })}>
        {t('Refused attempts')}
      </a>
      <a class="button small" href={linkTo(at, { user: email })}>
        {t('Everything in the log')}
      </a>
    </>
  )
}

interface ActivitiesProps {
  project: string
  email: string
  path: string
}

export function Activities({ project, email, path }: ActivitiesProps) {
  const pages = usePages<Activity>(`${path}/activity`, { limit: 10 })
  return (
    <Card
      isFlush
      title={t('Activity')}
      lead={t('As the owner of the account sees it.')}
      actions={can('audit.read', project) && <InTheLog project={project} email={email} />}
    >
      <PagedTable
        label={t('Activity')}
        pages={pages}
        id={({ id }) => id}
        empty={<Empty icon="events" title={t('Nothing has happened yet')} />}
        columns={[
          { label: t('Event'), kind: 'wide', show: ({ event }) => <Truncated text={showName(event)} /> },
          {
            label: t('Outcome'),
            show: ({ outcome }) => (
              <Badge tone={outcome === 'success' ? 'good' : 'wrong'}>{showName(outcome)}</Badge>
            ),
          },
          { label: t('Device'), show: ({ device }) => showDevice(device) },
          {
            label: t('Network'),
            show: ({ address_prefix }) => <Truncated text={address_prefix ?? '–'} isCode />,
          },
          { label: t('When'), show: ({ created_at }) => <When at={created_at} /> },
        ]}
      />
    </Card>
  )
}
