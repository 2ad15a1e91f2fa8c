// The workloads by name.
import type { Bench } from './figures.ts'
import type { Figure } from './rounds.ts'
import { builds } from './workloads/builds.ts'
import { contracts } from './workloads/contracts.ts'
import { events } from './workloads/events.ts'
import { imports } from './workloads/import.ts'
import { login, signup } from './workloads/login.ts'
import { keys, me } from './workloads/me.ts'
import { pages } from './workloads/pages.ts'
import { passkeys } from './workloads/passkeys.ts'
import { refresh } from './workloads/refresh.ts'
import { revocation } from './workloads/revocation.ts'
import { huge, scale } from './workloads/scale.ts'
import { search } from './workloads/search.ts'
import { start } from './workloads/start.ts'
import { storm } from './workloads/storm.ts'

/** Workloads of `npm run bench -- <name>`; without a name all of them run in this order. */
export const workloads: Record<string, (bench: Bench) => Promise<Figure[]>> = {
  login,
  passkeys,
  me,
  keys,
  refresh,
  signup,
  storm,
  revocation,
  contracts,
  pages,
  start,
  import: imports,
  scale,
}

/** What takes too long, or needs another build, and runs only by name. */
export const onDemand: typeof workloads = { builds, events, huge, search }
