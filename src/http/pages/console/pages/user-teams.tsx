// The teams of a user.
import { showName } from '../format.ts'
import { useRead } from '../loading.ts'
import { ListTable } from '../parts/table.tsx'
import { Badge, NameLink, Truncated } from '../parts/text.tsx'
import { Card } from '../parts/view.tsx'
import { can } from '../permissions.ts'
import { t } from '../texts.ts'
import type { List, Team } from '../types.ts'

export function Teams({ project, path }: { project: string; path: string }) {
  const teams = useRead<List<Team>>(`${path}/teams`)
  const mayRead = can('teams.read', project)
  return (
    <Card isFlush title={t('Teams')}>
      <ListTable
        label={t('Teams')}
        list={teams}
        lines={2}
        id={({ id }) => id}
        columns={[
          {
            label: t('Team'),
            kind: 'wide',
            show: ({ id, name }) =>
              mayRead ? (
                <NameLink path={['projects', project, 'teams', id]} text={name} />
              ) : (
                <Truncated text={name} />
              ),
          },
          { label: t('Role'), show: ({ role }) => <Badge>{showName(role.toLowerCase())}</Badge> },
          { label: t('Members'), kind: 'end', show: ({ member_count }) => member_count },
        ]}
        empty={<p class="none quiet">{t('In no team.')}</p>}
      />
    </Card>
  )
}
