// The mails of a project that are queued or were given up.
import { change } from '../api.ts'
import { showName } from '../format.ts'
import { useRead } from '../loading.ts'
import { ActionButton } from '../parts/buttons.tsx'
import { Select } from '../parts/form.tsx'
import { Empty } from '../parts/states.tsx'
import { actionsColumn, type Column, ListTable } from '../parts/table.tsx'
import { SecondLine, When } from '../parts/text.tsx'
import { Card, View } from '../parts/view.tsx'
import { can } from '../permissions.ts'
import { type Route, setQuery } from '../route.ts'
import { t } from '../texts.ts'
import type { Mail, Mails, Project } from '../types.ts'

const shown: readonly Column<Mail>[] = [
  {
    label: t('Mail'),
    kind: 'wide',
    show: ({ kind, to }) => (
      <>
        <strong>{showName(kind)}</strong>
        <SecondLine text={to ?? t('Recipient is gone')} />
      </>
    ),
  },
  { label: t('Attempts'), kind: 'end', show: ({ attempts }) => attempts },
  { label: t('Last error'), show: ({ last_error }) => <span class="reason">{last_error ?? '–'}</span> },
  { label: t('Queued'), show: ({ created_at }) => <When at={created_at} /> },
  {
    label: t('Next attempt'),
    show: ({ next_attempt_at, dead_at }) =>
      dead_at ? (
        <>
          {t('given up')} <When at={dead_at} />
        </>
      ) : (
        <When at={next_attempt_at} />
      ),
  },
]

export function MailList({ project, route }: { project: Project; route: Route }) {
  const state = route.query.get('state') === 'dead' ? 'dead' : 'owed'
  const path = `projects/${project.id}/mails`
  const mails = useRead<Mails>(path, { state, limit: 200 })
  const retry = actionsColumn<Mail>(({ id }) => (
    <ActionButton
      kind="small"
      done={t('The mail is due now.')}
      work={async () => {
        await change('POST', `${path}/${id}/retry`)
        mails.reload()
      }}
    >
      {t('Send again')}
    </ActionButton>
  ))
  const columns = can('mails.retry', project.id) ? [...shown, retry] : shown
  return (
    <View title={t('Mails')} lead={t('A mail that was sent is not listed any more.')}>
      <div class="filters">
        <Select
          label={t('State')}
          name="state"
          value={state}
          options={[
            ['owed', t('Waiting')],
            ['dead', t('Given up')],
          ]}
          onChange={(chosen) => setQuery({ state: chosen })}
        />
      </div>
      <Card isFlush>
        <ListTable
          label={t('Mails')}
          list={mails}
          columns={columns}
          id={({ id }) => id}
          empty={
            <Empty icon="mails" title={state === 'owed' ? t('No mail waits') : t('No mail was given up')}>
              {t('Mails leave within seconds. What stays here says why.')}
            </Empty>
          }
        />
        {mails.data && mails.data.total > mails.data.data.length && (
          <p class="more quiet">
            {t('{shown} of {total} are shown.', { shown: mails.data.data.length, total: mails.data.total })}
          </p>
        )}
      </Card>
    </View>
  )
}
