// The deliveries of a webhook. The list is polled while a delivery is pending.
import { useEffect, useState } from 'preact/hooks'
import { change } from '../api.ts'
import { usePages } from '../loading.ts'
import { ActionButton } from '../parts/buttons.tsx'
import { Select } from '../parts/form.tsx'
import { Empty } from '../parts/states.tsx'
import { actionsColumn, type Column, PagedTable } from '../parts/table.tsx'
import { Badge, SecondLine, Truncated, When } from '../parts/text.tsx'
import { Card } from '../parts/view.tsx'
import { t } from '../texts.ts'
import type { Delivery } from '../types.ts'

const states: Readonly<Record<Delivery['state'], readonly [tone: 'good' | 'warn' | 'wrong', name: string]>> =
  {
    sent: ['good', 'Sent'],
    pending: ['warn', 'On its way'],
    dead: ['wrong', 'Given up'],
  }

function DeliveryState({ delivery }: { delivery: Delivery }) {
  const [tone, name] = states[delivery.state]
  return <Badge tone={tone}>{t(name)}</Badge>
}

/** The error or the status of the last attempt. */
function Answer({ delivery: { last_status, last_error } }: { delivery: Delivery }) {
  if (last_error) return <Truncated text={last_error} />
  return last_status === null ? <span class="quiet">–</span> : <code>{last_status}</code>
}

const shown: readonly Column<Delivery>[] = [
  {
    label: t('Event'),
    kind: 'wide',
    show: ({ type, id }) => (
      <>
        <code>{type}</code>
        <SecondLine text={id} isCode />
      </>
    ),
  },
  { label: t('State'), show: (delivery) => <DeliveryState delivery={delivery} /> },
  { label: t('Attempts'), kind: 'end', show: ({ attempts }) => attempts },
  { label: t('Answer'), show: (delivery) => <Answer delivery={delivery} /> },
  {
    label: t('Last attempt'),
    show: ({ last_attempt_at, next_attempt_at, state }) =>
      state === 'pending' && next_attempt_at && last_attempt_at ? (
        <>
          {t('next')} <When at={next_attempt_at} />
        </>
      ) : (
        <When at={last_attempt_at} />
      ),
  },
]

/** The interval of polling. */
const pollMs = 2000

interface DeliveriesProps {
  path: string
  mayWrite: boolean
  /** Called after an action that may change the state of the webhook. */
  changed: () => void
}

/** Reloads at intervals while a delivery is pending and the page is visible. */
function usePolling(isWaiting: boolean, reload: () => void): void {
  useEffect(() => {
    if (!isWaiting) return
    const timer = setInterval(() => document.visibilityState === 'visible' && reload(), pollMs)
    return () => clearInterval(timer)
  }, [isWaiting, reload])
}

const retryColumn = (path: string, reload: () => void) =>
  actionsColumn<Delivery>(({ id }) => (
    <ActionButton
      kind="small"
      done={t('The delivery is sent again.')}
      work={async () => {
        await change('POST', `${path}/deliveries/${id}/retry`)
        reload()
      }}
    >
      {t('Send again')}
    </ActionButton>
  ))

export function Deliveries({ path, mayWrite, changed }: DeliveriesProps) {
  const [state, setState] = useState('')
  const pages = usePages<Delivery>(`${path}/deliveries`, { state })
  const isWaiting = pages.data?.some((delivery) => delivery.state === 'pending') ?? false
  const { reload } = pages
  usePolling(isWaiting, reload)
  return (
    <Card
      isFlush
      title={t('Deliveries')}
      lead={t('The newest first. What fails is tried again for three days.')}
      actions={mayWrite && <DeliveryActions path={path} reload={reload} changed={changed} />}
    >
      <div class="filters inside">
        <Select
          label={t('State')}
          name="state"
          value={state}
          options={[
            ['', t('Every state')],
            ...Object.entries(states).map(([key, [, name]]) => [key, t(name)] as const),
          ]}
          onChange={setState}
        />
      </div>
      <PagedTable
        label={t('Deliveries')}
        pages={pages}
        columns={mayWrite ? [...shown, retryColumn(path, reload)] : shown}
        id={({ id }) => id}
        empty={
          <Empty icon="webhooks" title={t('No delivery')}>
            {t('Send a test, or wait for the next event.')}
          </Empty>
        }
      />
    </Card>
  )
}

interface DeliveryActionsProps {
  path: string
  reload: () => void
  changed: () => void
}

function DeliveryActions({ path, reload, changed }: DeliveryActionsProps) {
  return (
    <>
      <ActionButton
        work={async () => {
          await change('POST', `${path}/retry-dead`)
          reload()
          changed()
        }}
        done={t('What was given up is tried again.')}
      >
        {t('Retry what was given up')}
      </ActionButton>
      <ActionButton
        kind="primary"
        work={async () => {
          await change('POST', `${path}/test`)
          reload()
        }}
        done={t('The test is on its way.')}
      >
        {t('Send a test')}
      </ActionButton>
    </>
  )
}
