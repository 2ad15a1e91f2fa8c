// The providers that a project's pages offer, with their names and icons.
import { html } from 'ghtml'
import type { Project } from '../../../domain/projects/projects.ts'
import { labelOf, providerOf } from '../../../domain/projects/providers.ts'
import { fill } from '../../../formats.ts'
import { buttonLink } from '../controls.ts'
import { type HostedVisit, hrefOf } from './visit.ts'

interface OfferedProvider {
  readonly name: string
  readonly label: string
  readonly iconHtml: string
}

const svg = (content: string) => `<svg viewBox="0 0 20 20" aria-hidden="true">${content}</svg>`
const arc = (color: string, path: string) =>
  `<path d="${path}" fill="none" stroke="${color}" stroke-width="3.4"/>`

/** Icons of known providers. Every other provider has its first letter. */
const marks: Readonly<Record<string, string>> = {
  google: svg(
    arc('#ea4335', 'M4.2 6.6A6.6 6.6 0 0 1 14.7 5.4') +
      arc('#fbbc05', 'M4.2 13.4A6.8 6.8 0 0 1 4.2 6.6') +
      arc('#34a853', 'M14.3 14.9A6.6 6.6 0 0 1 4.2 13.4') +
      arc('#4285f4', 'M10.2 10H16.7A6.6 6.6 0 0 1 14.3 14.9'),
  ),
  microsoft: svg(
    [
      ['#f25022', 2, 2],
      ['#7fba00', 10.5, 2],
      ['#00a4ef', 2, 10.5],
      ['#ffb900', 10.5, 10.5],
    ]
      .map(([color, x, y]) => `<rect x="${x}" y="${y}" width="7.5" height="7.5" fill="${color}"/>`)
      .join(''),
  ),
}

const letter = (label: string) =>
  html`<svg viewBox="0 0 20 20" aria-hidden="true"><rect width="20" height="20" rx="5" fill="currentColor" opacity=".14"/><text x="10" y="14.3" text-anchor="middle" font-size="12" font-weight="700" fill="currentColor">${[...label][0]?.toUpperCase() ?? ''}</text></svg>`

/** The name of a provider as people read it: that of a custom provider is its key in the policy, capitalized. */
export const titleOf = (name: string) => {
  const label = labelOf(name)
  return label === name ? name.charAt(0).toUpperCase() + name.slice(1) : label
}

/** The providers with a browser flow. */
export function providersOf({ policy }: Project): OfferedProvider[] {
  return Object.keys(policy.providers).flatMap((name) => {
    if (!providerOf(policy.providers, name)?.codeFlow) return []
    const label = titleOf(name)
    return [
      { name, label, iconHtml: (Object.hasOwn(marks, name) ? marks[name] : undefined) ?? letter(label) },
    ]
  })
}

/** Links that lead to the providers, each as HTML. */
export const providerLinks = (visit: HostedVisit): string[] =>
  providersOf(visit.ctx.project).map(({ name, label, iconHtml }) =>
    buttonLink(
      hrefOf(visit, `/sign-in/social/${name}`),
      fill(visit.texts.hosted.provider, { provider: label }),
      'second',
      iconHtml,
    ),
  )
