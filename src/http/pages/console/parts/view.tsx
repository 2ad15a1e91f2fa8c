// The frame of a view, and its cards. The heading takes the focus when the view changes.
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { t } from '../texts.ts'

interface ViewProps {
  title: string
  /** Links to the views above this one. */
  trail?: ComponentChildren
  /** A picture beside the heading. */
  face?: ComponentChildren
  lead?: ComponentChildren
  actions?: ComponentChildren
  children: ComponentChildren
}

export function View({ title, trail, face, lead, actions, children }: ViewProps) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} – ${t('Sallyport console')}`
  }, [title])
  useEffect(() => heading.current?.focus({ preventScroll: true }), [])
  return (
    <>
      <header class="view">
        <div>
          {trail && (
            <nav class="trail" aria-label={t('Where you are')}>
              {trail}
            </nav>
          )}
          <div class="titled">
            {face}
            <h1 ref={heading} tabIndex={-1}>
              <bdi>{title}</bdi>
            </h1>
          </div>
          {lead && <p class="quiet">{lead}</p>}
        </div>
        {actions && <div class="view-actions">{actions}</div>}
      </header>
      {children}
    </>
  )
}

interface CardProps {
  id?: string
  title?: string
  lead?: ComponentChildren
  actions?: ComponentChildren
  /** True: the content has no padding, such as a table. */
  isFlush?: boolean
  children: ComponentChildren
}

export function Card({ id, title, lead, actions, isFlush = false, children }: CardProps) {
  return (
    <section id={id} class={isFlush ? 'card flush' : 'card'} aria-label={title}>
      {title && (
        <header>
          <div>
            <h2>{title}</h2>
            {lead && <p class="quiet">{lead}</p>}
          </div>
          {actions && <div class="card-actions">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  )
}

type Fact = readonly [name: string, value: ComponentChildren]

/** A list of names with values. Entries that are not tuples are left out, so that `condition && […]` works. */
export function Facts({ of }: { of: readonly (Fact | false | null | '')[] }) {
  return (
    <dl class="facts">
      {of
        .filter((fact) => !!fact)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}
