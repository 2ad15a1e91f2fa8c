// Tuning: the start flags of package.json, and the priority of the threads that hash passwords, read back from the kernel.
import { readdirSync, readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../src/package.ts'
import { startFlags } from '../src/tuning.ts'
import { testSecretKey } from './support/app.ts'
import { createDatabase } from './support/database.ts'
import { ask, startService, temporaryDataDir } from './support/service.ts'

const isLinux = process.platform === 'linux'

/** Nanoseconds of processor time of each thread so far, the main one left out. */
function timeOfThreads(pid: number): Map<number, number> {
  const ids = readdirSync(`/proc/${pid}/task`).map(Number)
  const time = (id: number) => Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0])
  return new Map(ids.filter((id) => id !== pid).map((id) => [id, time(id)]))
}

t.test('npm start gives V8 the flags that it reads at the start only', async (t) => {
  const { scripts } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
  t.equal(scripts.start, ['node', ...startFlags, 'dist/src/main.js'].join(' '))
})

t.test(
  'the threads that compute hashes give way to the one that answers requests',
  isLinux ? {} : { skip: 'a priority belongs to a process here, not to a thread' },
  async (t) => {
    const DATABASE_URL = await createDatabase(t)
    const service = await startService(t, {
      dataDir: await temporaryDataDir(t),
      env: { DATABASE_URL, SECRET_KEY: testSecretKey },
    })
    const before = timeOfThreads(service.pid)
    for (let n = 0; n < 30; n++) {
      const body = { email: `person-${n}@example.com`, password: 'a good long password' }
      t.equal((await ask(service, 'POST', '/signup', { body }))?.status, 201)
    }
    const spent = [...timeOfThreads(service.pid)].map(([id, time]) => ({
      id,
      time: time - (before.get(id) ?? 0),
    }))
    const [busiest] = spent.sort((a, b) => b.time - a.time)
    t.equal(getPriority(busiest?.id), getPriority() + 10, 'the thread that has computed most')
    t.equal(getPriority(service.pid), getPriority(), 'the thread that answers')
  },
)
