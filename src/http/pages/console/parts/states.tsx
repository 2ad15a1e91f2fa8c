// Placeholders of a view: while it loads, without data, and after an error.
import type { ComponentChildren } from 'preact'
import { ApiError } from '../api.ts'
import type { Loading } from '../loading.ts'
import { t } from '../texts.ts'
import { Icon, type IconName } from './icons.tsx'

/** Grey lines in place of the data. */
export function Skeleton({ lines = 4 }: { lines?: number }) {
  return (
    <div class="skeleton" role="status" aria-label={t('Loading')}>
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} />
      ))}
    </div>
  )
}

interface EmptyProps {
  icon: IconName
  title: string
  children?: ComponentChildren
}

/** In place of an empty list: says why it is empty, and what to do. */
export function Empty({ icon, title, children }: EmptyProps) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <p class="empty-title">{title}</p>
      {children && <div class="quiet">{children}</div>}
    </div>
  )
}

/** What the operator can do about an error; null: unknown. */
function adviceOf(error: Error): string | null {
  if (!(error instanceof ApiError)) return null
  const { code, retry_after, request_id } = error.problem
  if (code === 'insufficient_role') return t('Your role does not allow this. Ask an owner for another role.')
  if (retry_after) return t('Try again in {seconds} seconds.', { seconds: retry_after })
  if (code === 'internal_error')
    return t('The log of the service says more; look for request {id}.', { id: request_id ?? '' })
  return null
}

/** The message of an error with advice. */
export function ErrorMessage({ error, retry }: { error: Error; retry?: () => void }) {
  const advice = adviceOf(error)
  return (
    <div class="error" role="alert">
      <p>
        <bdi>{error.message}</bdi> {advice}
      </p>
      {retry && (
        <button type="button" onClick={retry}>
          {t('Try again')}
        </button>
      )}
    </div>
  )
}

interface LoadedViewProps<T> {
  of: Loading<T>
  lines?: number
  children: (data: T) => ComponentChildren
}

/** Shows the data, a skeleton until it has come, and an error. */
export function LoadedView<T>({ of, lines, children }: LoadedViewProps<T>) {
  if (of.error && of.data === null) return <ErrorMessage error={of.error} retry={of.reload} />
  if (of.data === null) return <Skeleton lines={lines} />
  return (
    <>
      {of.error && <ErrorMessage error={of.error} retry={of.reload} />}
      {children(of.data)}
    </>
  )
}
