// The frame of a view: its heading, which gets the focus when the view changes, its actions, and cards.
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { t } from '../texts.ts'

interface ViewProps {
  title: string
  /** Where the view belongs: links before the heading. */
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
  /** Its content reaches the edges: a table. */
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

/** Names with their values. @param of may have entries that are left out, where a condition does not hold */
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
