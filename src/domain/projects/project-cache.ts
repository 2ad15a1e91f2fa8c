// Projects by id, from a cache that is never older than two seconds, and follows at once where a change feed runs.
import {
  anyProjectAllowsOrigin,
  findProject,
  listRelatedOrigins,
} from '../../repositories/projects/projects.ts'
import type { Stores } from '../../repositories/store.ts'
import { type ChangeFeed, noChangeFeed } from '../change-feed.ts'
import { AuthError } from '../errors.ts'
import { type Project, toProject } from './projects.ts'

/** An older entry is read again in the background; one older than `staleMs`, before it is used. */
const freshMs = 1000
const staleMs = 1900
const capacity = 10_000
const originCapacity = 1000

interface Entry {
  readonly project: Project
  readonly readAt: number
}

export class ProjectCache {
  readonly #stores: Stores
  readonly #entries = new Map<string, Entry>()
  readonly #reads = new Map<string, Promise<Project | null>>()
  readonly #origins = new Map<string, { readonly allowed: boolean; readonly readAt: number }>()
  readonly #related = new Map<string, { readonly origins: readonly string[]; readonly readAt: number }>()
  /** Awaited for each project that was read, before it is used. */
  #prepare: (project: Project) => Promise<void> = async () => {}
  /** Counts invalidations: what a read that one overtook has found is not cached. */
  #invalidations = 0

  constructor(stores: Stores, changeFeed: ChangeFeed = noChangeFeed) {
    this.#stores = stores
    changeFeed.subscribe({
      user() {},
      project: (id) => this.#invalidate(id),
      everything: () => {
        for (const id of [...this.#entries.keys(), ...this.#reads.keys()]) this.#invalidate(id)
      },
    })
  }

  #invalidate(id: string): void {
    this.#invalidations++
    this.#entries.delete(id)
    this.#reads.delete(id)
  }

  /** Reads a project; requests that ask at the same time share the read. */
  #read(id: string): Promise<Project | null> {
    const current = this.#reads.get(id)
    if (current) return current
    const read = this.#readAndCache(id).finally(() => this.#reads.get(id) === read && this.#reads.delete(id))
    this.#reads.set(id, read)
    return read
  }

  async #readAndCache(id: string): Promise<Project | null> {
    const readAt = performance.now()
    const before = this.#invalidations
    const row = await findProject(this.#stores.unscoped, id)
    const project = row && toProject(row)
    if (project) await this.#prepare(project)
    if (this.#invalidations !== before) return project
    this.#entries.delete(id)
    if (!project) return null
    if (this.#entries.size >= capacity) this.#entries.delete(this.#entries.keys().next().value ?? '')
    this.#entries.set(id, { project, readAt })
    return project
  }

  /** Lets `prepare` see each project whenever it was read, before it is used. */
  beforeUse(prepare: (project: Project) => Promise<void>): void {
    this.#prepare = prepare
  }

  /**
   * The project if it is cached, fresh enough to be used without waiting, and not archived; else null, and `get` reads it.
   */
  peek(id: string): Project | null {
    const project = this.#peek(id)
    return project?.archivedAt === null ? project : null
  }

  #peek(id: string): Project | null {
    const entry = this.#entries.get(id)
    if (!entry) return null
    const age = performance.now() - entry.readAt
    if (age >= staleMs) return null
    // A read that fails here leaves the entry to become stale; the request that reads it then fails.
    if (age >= freshMs) this.#read(id).catch(() => {})
    return entry.project
  }

  /** The project, as far as it is open. @throws AuthError project_unknown, also for an archived one */
  async get(id: string): Promise<Project> {
    const project = await this.getAny(id)
    if (project.archivedAt !== null) throw new AuthError('project_unknown')
    return project
  }

  /** The project, archived or not: for operators and jobs. @throws AuthError project_unknown */
  async getAny(id: string): Promise<Project> {
    const project = this.#peek(id) ?? (await this.#read(id))
    if (!project) throw new AuthError('project_unknown')
    return project
  }

  /** Whether any project allows this origin; cached for a second. */
  async anyAllowsOrigin(origin: string): Promise<boolean> {
    const known = this.#origins.get(origin)
    if (known && performance.now() - known.readAt < freshMs) return known.allowed
    const allowed = await anyProjectAllowsOrigin(this.#stores.unscoped, origin)
    if (this.#origins.size >= originCapacity) this.#origins.clear()
    this.#origins.set(origin, { allowed, readAt: performance.now() })
    return allowed
  }

  /**
   * The related origins of every project whose passkeys belong to the service's own domain; cached for a second.
   * @param ownId that domain, of projects whose policy names none
   */
  async relatedOrigins(ownId: string): Promise<readonly string[]> {
    const known = this.#related.get(ownId)
    if (known && performance.now() - known.readAt < freshMs) return known.origins
    const origins = await listRelatedOrigins(this.#stores.unscoped, ownId)
    this.#related.set(ownId, { origins, readAt: performance.now() })
    return origins
  }
}
