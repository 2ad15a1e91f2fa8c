// Adds addresses of an application to the lists of a project's policy.
import type { Services } from '../domain/context.ts'
import { mergeStored } from '../domain/projects/policy.ts'
import { changePolicy, type Project } from '../domain/projects/projects.ts'

export interface Addresses {
  /** Of pages that call the service. */
  readonly origins?: readonly string[]
  /** Where the service may send browsers. */
  readonly redirectUrls?: readonly string[]
}

/**
 * Adds the addresses that a project does not have yet, and changes nothing else.
 * @returns the project
 * @throws PolicyError for an address that could never match; AuthError project_unknown
 */
export async function allowAddresses(
  services: Services,
  id: string,
  { origins = [], redirectUrls = [] }: Addresses,
): Promise<Project> {
  const added = { origins, redirect_urls: redirectUrls }
  const { project } = await changePolicy(services, id, (stored) => {
    const lists = Object.entries(added).map(([key, more]): [string, string[]] => {
      const before = (stored[key] ?? []) as string[]
      return [key, [...new Set([...before, ...more])]]
    })
    return mergeStored(stored, Object.fromEntries(lists.filter(([, list]) => list.length > 0)))
  })
  return project
}
