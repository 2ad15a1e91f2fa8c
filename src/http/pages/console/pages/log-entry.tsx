// One row of the security log, with its details.
import { useEffect, useState } from 'preact/hooks'
import { read } from '../api.ts'
import { showInstant, showName } from '../format.ts'
import { CopyButton } from '../parts/buttons.tsx'
import { Badge, Id, Truncated } from '../parts/text.tsx'
import { Facts } from '../parts/view.tsx'
import { can } from '../permissions.ts'
import { linkTo } from '../route.ts'
import { t } from '../texts.ts'
import type { LogEntry, Page, User } from '../types.ts'

/** UUIDs that one request may have. */
const maxNamed = 50

/**
 * Loads the e-mail addresses of the accounts in the rows, by UUID. The address of a deleted account is empty. Without the
 * permission to read users, nothing is loaded.
 */
export function useAddresses(project: string | null, rows: readonly LogEntry[]): ReadonlyMap<string, string> {
  const [known, setKnown] = useState<ReadonlyMap<string, string>>(new Map())
  const named = [...new Set(rows.flatMap(({ account }) => account ?? []))]
  const missing = named.filter((uuid) => !known.has(uuid)).slice(0, maxNamed)
  const asked = project !== null && can('users.read', project) ? missing.join(',') : ''
  useEffect(() => {
    if (asked === '') return
    const abort = new AbortController()
    read<Page<User>>(`projects/${project}/users`, { uuid: asked }, abort.signal).then(
      ({ data }) => {
        const found = new Map(data.map(({ uuid, email }) => [uuid, email]))
        // Deleted accounts get an empty address, so that they are not requested again.
        const answered = asked.split(',').map((uuid) => [uuid, found.get(uuid) ?? ''] as const)
        setKnown((before) => new Map([...before, ...answered]))
      },
      // The rows are complete without addresses.
      () => {},
    )
    return () => abort.abort()
  }, [asked])
  return known
}

const actors: Readonly<Record<string, string>> = {
  user: 'User',
  api_key: 'API key',
  operator: 'Operator',
  none: 'Nobody who is known',
}

interface EntryProps {
  entry: LogEntry
  /** Null: the installation's own log. */
  project: string | null
  /** E-mail address of the account; empty: unknown. */
  address: string
}

/** The account; below it the actor, if it is another one, and the network. */
function Who({ entry, address }: EntryProps) {
  const actor = t(actors[entry.actor] ?? entry.actor)
  const isOwn = address !== '' && ['user', 'none'].includes(entry.actor)
  return (
    <span>
      <Truncated text={address === '' ? actor : address} />
      <span class="below">
        {address !== '' && !isOwn && `${actor} · `}
        <bdi class="code">{entry.address_prefix ?? t('No network')}</bdi>
      </span>
    </span>
  )
}

function Details({ entry, project, address }: EntryProps) {
  const { account, details } = entry
  const by = typeof details.by === 'string' ? details.by : null
  const mayLook = project !== null && account !== null && can('users.read', project)
  return (
    <>
      <Facts
        of={[
          [t('Who acted'), t(actors[entry.actor] ?? entry.actor)],
          by && [t('Account that acted'), <Id key="by" text={by} />],
          account && [t('Account'), <Id key="account" text={account} />],
          entry.session_id && [t('Session'), <Id key="session" text={entry.session_id} />],
          [t('Program'), <bdi key="program">{entry.user_agent ?? t('Not known')}</bdi>],
        ]}
      />
      <p class="links">
        {mayLook && account !== null && (
          <a href={linkTo(['projects', String(project), 'users', account])}>
            {address === '' ? t('Go to the user') : t('Go to {email}', { email: address })}
          </a>
        )}
        <CopyButton text={JSON.stringify(entry, null, 2)} label={t('Copy as JSON')} />
      </p>
      <pre>{JSON.stringify(entry, null, 2)}</pre>
    </>
  )
}

export function Entry(props: EntryProps) {
  const { entry } = props
  const why = typeof entry.details.reason === 'string' ? showName(entry.details.reason) : ''
  return (
    <details class="event">
      <summary>
        <span>
          {showName(entry.event)} {why && <span class="quiet">{why}</span>}
        </span>
        <span class="quiet">{showInstant(entry.at)}</span>
        <Who {...props} />
        <Badge tone={entry.outcome === 'success' ? 'good' : 'wrong'}>{showName(entry.outcome)}</Badge>
      </summary>
      <Details {...props} />
    </details>
  )
}
