// A process that uses the SDK as an application does: its session rests in a file that others may share, and its clock
// may be wrong. In: one JSON argument. Out: one JSON line of what happened.
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { type AuthEvent, createClient, type TokenStorage } from '../../openapi/client/src/client.ts'

export interface Visit {
  readonly baseUrl: string
  readonly projectId: string
  /** Holds the stored session. */
  readonly file: string
  /** Sign up with this address first; without it the stored session is used. */
  readonly email?: string
  /** Milliseconds that the clock is ahead, one after the other; a negative one is behind. */
  readonly clocks?: readonly number[]
  /** Goes on until so many refreshes were made or taken over. */
  readonly refreshes?: number
}

export interface Visited {
  readonly events: AuthEvent[]
  readonly errors: string[]
  readonly calls: number
  /** Requests that refreshed. */
  readonly refreshes: number
}

/** One file for one key; written whole or not at all. */
function fileStorage(file: string): TokenStorage {
  return {
    getItem: () => readFile(file, 'utf8').catch(() => null),
    async setItem(_key, value) {
      await writeFile(`${file}.${process.pid}`, value, { mode: 0o600 })
      await rename(`${file}.${process.pid}`, file)
    },
    removeItem: () => rm(file, { force: true }),
  }
}

const visit: Visit = JSON.parse(process.argv[2] ?? '{}')
const events: AuthEvent[] = []
const errors: string[] = []
let calls = 0
let refreshes = 0
const client = createClient({
  baseUrl: visit.baseUrl,
  projectId: visit.projectId,
  projectUserAuth: { tokenStorage: fileStorage(visit.file) },
  fetch: (url, init) => {
    if (url.endsWith('/refresh')) refreshes++
    return fetch(url, init)
  },
})
client.onAuthStateChange((event) => events.push(event))

async function call(): Promise<void> {
  calls++
  await client.me().catch((error) => errors.push(`${error.name} ${error.code}`))
}

const realClock = Date.now
const [start = 0, ...others] = visit.clocks ?? []
Date.now = () => realClock() + start
if (visit.email) await client.signUp({ email: visit.email, password: 'a good long password' })
await call()
for (const ahead of others) {
  Date.now = () => realClock() + ahead
  await call()
  await client.getSession()
}
const seen = new Set<string>()
while (seen.size <= (visit.refreshes ?? 0) && errors.length === 0) {
  await Promise.all([call(), call(), call()])
  seen.add((await client.getSession())?.access_token ?? '')
}
// No close(): a client keeps no process alive.
const visited: Visited = { events, errors, calls, refreshes }
console.log(JSON.stringify(visited))
