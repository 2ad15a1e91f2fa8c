// A cache of projects by id. Entries are at most two seconds old; with a change feed, they are removed as soon as a project changes.
import {
  anyProjectAllowsOrigin,
  findProject,
  listRelatedOrigins,
} from '../../repositories/projects/projects.ts'
import type { Stores } from '../../repositories/store.ts'
import { type ChangeFeed, noChangeFeed } from '../change-feed.ts'
import { AuthError } from '../errors.ts'
import { type Project, toProject } from './projects.ts'

/** An entry older than `freshMs` is read again in the background; one older than `staleMs` before it is used. */
const freshMs = 1000
const staleMs = 1900
const capacity = 10_000
const originCapacity = 1000

interface Entry {
  readonly project: Project
  readonly readAt: number
}

/** Caches projects, and the origins that they allow. */
export class ProjectCache {
  readonly #stores: Stores
  readonly #entries = new Map<string, Entry>()
  readonly #reads = new Map<string, Promise<Project | null>>()
  readonly #origins = new Map<string, { readonly allowed: boolean; readonly readAt: number }>()
  readonly #related = new Map<string, { readonly origins: readonly string[]; readonly readAt: number }>()
  /** See `beforeUse`. */
  #prepare: (project: Project) => Promise<void> = async () => {}
  /** Counts invalidations, so that a read during which one happened does not cache its result. */
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

  /** Reads a project; concurrent requests share one read. */
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

  /** Registers a function that is awaited with each project that was read, before the project is used. */
  beforeUse(prepare: (project: Project) => Promise<void>): void {
    this.#prepare = prepare
  }

  /** Returns a project without waiting; null: it is archived, or not cached or too old, so that `get` must read it. */
  peek(id: string): Project | null {
    const project = this.#peek(id)
    return project?.archivedAt === null ? project : null
  }

  #peek(id: string): Project | null {
    const entry = this.#entries.get(id)
    if (!entry) return null
    const age = performance.now() - entry.readAt
    if (age >= staleMs) return null
    // If this read fails, the entry becomes stale, and the request that then reads it reports the failure.
    if (age >= freshMs) this.#read(id).catch(() => {})
    return entry.project
  }

  /** Finds a project that is not archived. @throws AuthError project_unknown */
  async get(id: string): Promise<Project> {
    const project = await this.getAny(id)
    if (project.archivedAt !== null) throw new AuthError('project_unknown')
    return project
  }

  /** Finds a project, archived or not, for operators and jobs. @throws AuthError project_unknown */
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
   * Lists the related origins of all projects that share the relying party id of the service; cached for a second.
   * @param ownId that id, which projects without `passkeys.rp_id` have
   */
  async relatedOrigins(ownId: string): Promise<readonly string[]> {
    const known = this.#related.get(ownId)
    if (known && performance.now() - known.readAt < freshMs) return known.origins
    const origins = await listRelatedOrigins(this.#stores.unscoped, ownId)
    this.#related.set(ownId, { origins, readAt: performance.now() })
    return origins
  }
}
