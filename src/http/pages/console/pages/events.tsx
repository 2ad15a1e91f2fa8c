// The event feed of a project, followed by long polling.
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, read } from '../api.ts'
import { showInstant } from '../format.ts'
import { Empty, ErrorMessage, Skeleton } from '../parts/states.tsx'
import { Badge, Truncated } from '../parts/text.tsx'
import { Card, View } from '../parts/view.tsx'
import { can } from '../permissions.ts'
import { linkTo } from '../route.ts'
import { t } from '../texts.ts'
import type { Feed, FeedEvent, Project } from '../types.ts'

/** The number of events that stay on the page. Older ones are dropped. */
const maxShown = 500
const batch = 500
const waitSeconds = 25
/** The pause after an error. */
const pauseMs = 5000

interface Tail {
  readonly events: readonly FeedEvent[]
  readonly error: Error | null
  /** True once all stored events were read. */
  readonly isAtEnd: boolean
}

/** Follows the feed. @param isWhole true: from the oldest stored event; false: from its end */
function useTail(project: string, isWhole: boolean, isPaused: boolean): Tail {
  const [tail, setTail] = useState<Tail>({ events: [], error: null, isAtEnd: false })
  const cursor = useRef<string | undefined>(undefined)
  useEffect(() => {
    if (isPaused) return
    const abort = new AbortController()
    async function follow(): Promise<void> {
      while (!abort.signal.aborted) {
        try {
          const isFirst = cursor.current === undefined
          const after = cursor.current ?? (isWhole ? undefined : 'latest')
          const query = { limit: batch, wait: isFirst ? 0 : waitSeconds, after }
          const { data, next } = await read<Feed>(`projects/${project}/events`, query, abort.signal)
          cursor.current = next
          setTail(({ events, isAtEnd }) => ({
            events: [...[...data].reverse(), ...events].slice(0, maxShown),
            error: null,
            isAtEnd: isAtEnd || data.length < batch,
          }))
        } catch (error) {
          if (abort.signal.aborted) return
          if (error instanceof ApiError && error.code === 'events_expired') cursor.current = undefined
          setTail((before) => ({ ...before, error: error as Error }))
          await new Promise((resolve) => setTimeout(resolve, pauseMs))
        }
      }
    }
    void follow()
    return () => abort.abort()
  }, [project, isWhole, isPaused])
  return tail
}

function Entry({ event, project }: { event: FeedEvent; project: string }) {
  const isUser = event.type.startsWith('user.') && can('users.read', project)
  return (
    <details class="event">
      <summary>
        <code>{event.type}</code>
        <span class="quiet">{showInstant(event.timestamp)}</span>
        <Truncated text={String(event.data.email ?? event.subject)} />
        <span class="quiet">#{event.position}</span>
      </summary>
      {isUser && (
        <p>
          <a href={linkTo(['projects', project, 'users', event.subject])}>{t('Go to the user')}</a>
        </p>
      )}
      <pre>{JSON.stringify(event, null, 2)}</pre>
    </details>
  )
}

export function Events({ project }: { project: Project }) {
  const [isWhole, setWhole] = useState(false)
  return (
    <View
      title={t('Events')}
      lead={t('Every change of users, sessions, teams, keys and factors, once and in order.')}
      actions={
        !isWhole && (
          <button type="button" onClick={() => setWhole(true)}>
            {t('Read from the oldest')}
          </button>
        )
      }
    >
      <TailCard key={String(isWhole)} project={project} isWhole={isWhole} />
    </View>
  )
}

function TailCard({ project, isWhole }: { project: Project; isWhole: boolean }) {
  const [isPaused, setPaused] = useState(false)
  const { events, error, isAtEnd } = useTail(project.id, isWhole, isPaused)
  return (
    <>
      {error && <ErrorMessage error={error} />}
      <Card
        isFlush
        title={t('The newest events')}
        lead={isWhole ? t('Of all that are kept.') : t('Of those since you opened this page.')}
        actions={
          <>
            <Badge tone={isPaused ? 'warn' : 'good'}>{isPaused ? t('Paused') : t('Live')}</Badge>
            <button type="button" class="small" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
              {isPaused ? t('Go on') : t('Pause')}
            </button>
          </>
        }
      >
        {!isAtEnd && events.length === 0 && !error && <Skeleton lines={6} />}
        {isAtEnd && events.length === 0 && (
          <Empty icon="events" title={t('No event yet')}>
            {t('The next change appears here within a moment.')}
          </Empty>
        )}
        {events.map((event) => (
          <Entry key={event.position} event={event} project={project.id} />
        ))}
      </Card>
    </>
  )
}
