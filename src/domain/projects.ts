// Projects: found by id from a cache that is never older than two seconds, and less where somebody tells what changed;
// made and changed by operators.
import { randomUUID } from 'node:crypto'
import { matchesSecret, mintSecret } from '../crypto/secrets.ts'
import type { ProjectRow } from '../repositories/projects.ts'
import type { Store } from '../repositories/store.ts'
import { AuthError } from './errors.ts'
import { checkPolicy, mergePolicy, type Policy } from './policy.ts'
import { type Notices, noNotices } from './recall.ts'

export interface Project {
  readonly id: string
  readonly name: string
  readonly policy: Policy
  readonly secretHash: Buffer | null
}

/** Older than this, an entry is read again in the background; older than `staleMs`, before it is used. */
const freshMs = 1000
const staleMs = 1900
/** Entries kept; projects beyond it are simply read again. */
const capacity = 10_000

interface Entry {
  readonly project: Project
  readonly readAt: number
}

function fromRow(row: ProjectRow): Project {
  return { id: row.id, name: row.name, policy: mergePolicy(row.policy), secretHash: row.secretHash }
}

export function createProjects(store: Store, notices: Notices = noNotices) {
  const cache = new Map<string, Entry>()
  const reading = new Map<string, Promise<Project | null>>()
  const origins = new Map<string, { allowed: boolean; readAt: number }>()

  /** Counts what was told of projects: a reading that was overtaken is not remembered. */
  let told = 0

  const forget = (id: string) => {
    told++
    cache.delete(id)
    reading.delete(id)
  }
  notices.subscribe({
    user() {},
    project: forget,
    everything() {
      for (const id of [...cache.keys(), ...reading.keys()]) forget(id)
    },
  })

  function read(id: string): Promise<Project | null> {
    const under = reading.get(id)
    if (under) return under
    const readAt = performance.now()
    const toldBefore = told
    const promise: Promise<Project | null> = store.everywhere.projects
      .find(id)
      .then((row) => {
        if (told !== toldBefore) return row && fromRow(row)
        cache.delete(id)
        if (!row) return null
        if (cache.size >= capacity) cache.delete(cache.keys().next().value ?? '')
        const project = fromRow(row)
        cache.set(id, { project, readAt })
        return project
      })
      .finally(() => reading.get(id) === promise && reading.delete(id))
    reading.set(id, promise)
    return promise
  }

  return {
    /** The project if it is at hand and fresh enough to be used without waiting; `get` otherwise. */
    peek(id: string): Project | null {
      const entry = cache.get(id)
      if (!entry) return null
      const age = performance.now() - entry.readAt
      if (age >= staleMs) return null
      // A read that fails here leaves the entry to grow stale; then the failure is the request's own.
      if (age >= freshMs) read(id).catch(() => {})
      return entry.project
    },

    /** @throws AuthError project_unknown */
    async get(id: string): Promise<Project> {
      const project = this.peek(id) ?? (await read(id))
      if (!project) throw new AuthError('project_unknown')
      return project
    },

    /** Whether any project allows this origin; remembered for a second. */
    async anyAllowsOrigin(origin: string): Promise<boolean> {
      const known = origins.get(origin)
      if (known && performance.now() - known.readAt < freshMs) return known.allowed
      const allowed = await store.everywhere.projects.anyAllowsOrigin(origin)
      if (origins.size >= 1000) origins.clear()
      origins.set(origin, { allowed, readAt: performance.now() })
      return allowed
    },

    /** Whether `secret` is the project's. */
    proves(project: Project, secret: string): boolean {
      return project.secretHash !== null && matchesSecret(secret, project.secretHash)
    },

    /** The default project, made now if this is the first start. */
    async ensureDefault(): Promise<Project> {
      const row =
        (await store.everywhere.projects.findDefault()) ??
        (await store.everywhere.projects.add({ id: randomUUID(), name: 'Sallyport', isDefault: true })) ??
        (await store.everywhere.projects.findDefault())
      if (!row) throw new Error('The default project could not be made.')
      return fromRow(row)
    },

    /** Makes a project and its secret, which is told this once. @throws PolicyError */
    async create(name: string, policy: unknown): Promise<{ project: Project; secret: string }> {
      const secret = mintSecret('project')
      const row = await store.everywhere.projects.add({
        id: randomUUID(),
        name,
        policy: checkPolicy(policy),
        secretHash: secret.hash,
      })
      if (!row) throw new Error('The project could not be made.')
      return { project: fromRow(row), secret: secret.plain }
    },

    async list(): Promise<Project[]> {
      return (await store.everywhere.projects.list()).map(fromRow)
    },

    /** Replaces the policy; what it leaves out has its default again. @throws PolicyError, AuthError project_unknown */
    async setPolicy(id: string, policy: unknown): Promise<Project> {
      const checked = checkPolicy(policy)
      const row = await store.everywhere.transaction(({ projects }) => projects.setPolicy(id, checked))
      if (!row) throw new AuthError('project_unknown')
      return fromRow(row)
    },

    /** Replaces the secret, which is told this once; the old one is void. @throws AuthError project_unknown */
    async rotateSecret(id: string): Promise<{ project: Project; secret: string }> {
      const secret = mintSecret('project')
      const row = await store.everywhere.transaction(({ projects }) =>
        projects.setSecretHash(id, secret.hash),
      )
      if (!row) throw new AuthError('project_unknown')
      return { project: fromRow(row), secret: secret.plain }
    },
  }
}

export type Projects = ReturnType<typeof createProjects>
