// The narrow page around sign-in, second factor and enrolment.
import type { ComponentChildren } from 'preact'
import { Logo } from '../parts/icons.tsx'

interface EntryPageProps {
  title: string
  lead?: string
  children: ComponentChildren
}

export function EntryPage({ title, lead, children }: EntryPageProps) {
  return (
    <main class="entry-page">
      <p class="brand">
        <Logo /> Sallyport
      </p>
      <h1>{title}</h1>
      {lead && <p class="quiet">{lead}</p>}
      {children}
    </main>
  )
}
