// The active sessions of a user.
import { change } from '../api.ts'
import { showDevice, showMethods } from '../format.ts'
import { useRead } from '../loading.ts'
import { ActionButton } from '../parts/buttons.tsx'
import { ask } from '../parts/form.tsx'
import { Empty } from '../parts/states.tsx'
import { actionsColumn, type Column, ListTable } from '../parts/table.tsx'
import { Truncated, When } from '../parts/text.tsx'
import { toast } from '../parts/toasts.tsx'
import { Card } from '../parts/view.tsx'
import { can } from '../permissions.ts'
import { t } from '../texts.ts'
import type { List, Session } from '../types.ts'

interface SessionsProps {
  project: string
  path: string
}

const shown: readonly Column<Session>[] = [
  { label: t('Device'), kind: 'wide', show: ({ device }) => <Truncated text={showDevice(device)} /> },
  {
    label: t('Network'),
    show: ({ address_prefix }) => <Truncated text={address_prefix ?? t('Unknown')} isCode />,
  },
  { label: t('Signed in by'), show: ({ amr }) => showMethods(amr.join(' ')) },
  { label: t('Last used'), show: ({ last_seen_at }) => <When at={last_seen_at} /> },
  { label: t('Began'), show: ({ created_at }) => <When at={created_at} /> },
]

function askToEndAll(path: string, changed: () => void): void {
  ask({
    title: t('End every session'),
    submit: t('End every session'),
    isDanger: true,
    lead: t('The user is signed out on every device at once, and signs in again.'),
    onSubmit: async () => {
      await change('DELETE', `${path}/sessions`)
      changed()
      toast(t('Every session has ended.'))
    },
  })
}

export function Sessions({ project, path }: SessionsProps) {
  const sessions = useRead<List<Session>>(`${path}/sessions`)
  const mayEnd = can('users.sessions.end', project)
  const end = actionsColumn<Session>(({ id }) => (
    <ActionButton
      kind="small danger"
      done={t('The session has ended.')}
      work={async () => {
        await change('DELETE', `${path}/sessions/${id}`)
        sessions.reload()
      }}
    >
      {t('End session')}
    </ActionButton>
  ))
  const isSeveral = (sessions.data?.data.length ?? 0) > 1
  return (
    <Card
      isFlush
      title={t('Sessions')}
      actions={
        mayEnd &&
        isSeveral && (
          <button type="button" class="small danger" onClick={() => askToEndAll(path, sessions.reload)}>
            {t('End every session')}
          </button>
        )
      }
    >
      <ListTable
        label={t('Sessions')}
        list={sessions}
        columns={mayEnd ? [...shown, end] : shown}
        id={({ id }) => id}
        empty={<Empty icon="leave" title={t('Signed in nowhere')} />}
      />
    </Card>
  )
}
