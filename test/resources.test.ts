// What the process takes of the machine, read back from the kernel.
import { readdirSync, readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import t from 'tap'
import { defaultParameters, loadArgon2, passwordBytes } from '../src/crypto/passwords.ts'
import { letHashesGiveWay } from '../src/resources.ts'

const isLinux = process.platform === 'linux'

/** Nanoseconds of processor time of each thread so far, the main one left out. */
function timeOfThreads(): Map<number, number> {
  const ids = readdirSync('/proc/self/task').map(Number)
  const time = (id: number) => Number(readFileSync(`/proc/self/task/${id}/schedstat`, 'utf8').split(' ')[0])
  return new Map(ids.filter((id) => id !== process.pid).map((id) => [id, time(id)]))
}

t.test(
  'the threads that compute hashes give way to the one that answers requests',
  isLinux ? {} : { skip: 'priorities are a process’s here, not a thread’s' },
  async (t) => {
    const argon2 = await loadArgon2()
    await argon2.hash(passwordBytes('the first'), defaultParameters)
    const before = getPriority()
    t.ok(letHashesGiveWay(Number(process.env.UV_THREADPOOL_SIZE) || 4) > 0)
    const idle = timeOfThreads()
    for (let n = 0; n < 20; n++) await argon2.hash(passwordBytes('all others'), defaultParameters)
    const spent = [...timeOfThreads()].map(([id, time]) => ({ id, time: time - (idle.get(id) ?? time) }))
    const [busiest] = spent.sort((a, b) => b.time - a.time)
    t.equal(getPriority(busiest?.id), 10, 'who has computed most is nicer')
    t.equal(getPriority(), before, 'who answers is not')
  },
)
