// The disk under the embedded database is full: what cannot be kept is refused with 503 and never acknowledged, the
// service lives, and once there is room it goes on by itself with all that it ever acknowledged.
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { eventually } from '../support/eventually.ts'
import { ask, postmasterPid, type ServiceAnswer, startService, wideProject } from '../support/service.ts'

const password = 'a good long password'

/** A file system of its own with room for a database and little more; null: this process may not mount one. */
async function smallDisk(): Promise<{ folder: string; unmount: () => Promise<void> } | null> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=192m,mode=700', 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    await rm(folder, { recursive: true })
    return null
  }
  const unmount = async () => {
    execFileSync('umount', ['--lazy', folder])
    await rm(folder, { recursive: true })
  }
  return { folder, unmount }
}

/** Writes a file until nothing more fits. */
function fill(file: string): void {
  const handle = openSync(file, 'w')
  try {
    for (let size = 1 << 20; size >= 512; size >>= 1)
      try {
        for (;;) if (writeSync(handle, Buffer.alloc(size, 'x')) < size) break
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
  } finally {
    closeSync(handle)
  }
}

const disk = await smallDisk()
t.test(
  'a full disk refuses what it cannot keep, loses nothing that was acknowledged, and heals by itself',
  disk ? {} : { skip: 'a small file system cannot be mounted here' },
  async (t) => {
    if (!disk) return
    const service = await startService(t, { dataDir: disk.folder })
    t.teardown(async () => {
      await service.kill()
      const pid = postmasterPid(disk.folder)
      if (pid !== null) process.kill(pid, 'SIGQUIT')
      await eventually('the end of the database', async () => postmasterPid(disk.folder) === null)
      await disk.unmount()
    })
    const projectId = await wideProject(service)
    const headers = { 'project-id': projectId }
    const send = (method: string, path: string, body: unknown) =>
      ask(service, method, path, { headers, body })
    const made: string[] = []
    const statuses: Record<string, number> = {}
    let newest = ''
    let people = 0
    const count = (answer: ServiceAnswer | null) => {
      const status = answer?.status ?? 'none'
      statuses[status] = (statuses[status] ?? 0) + 1
    }
    /** Signs somebody up, with enough in the row that the disk is felt soon. */
    async function signUp(): Promise<ServiceAnswer | null> {
      const email = `disk-${people++}@example.com`
      const metadata = { note: Array.from({ length: 20 }, () => Math.random().toString(36)).join('') }
      const answer = await send('POST', '/signup', { email, password, metadata })
      count(answer)
      if (answer?.status === 201) made.push(email)
      return answer
    }
    async function refresh(): Promise<ServiceAnswer | null> {
      const answer = await send('POST', '/refresh', { refresh_token: newest })
      count(answer)
      if (answer?.status === 200) newest = answer.body.refresh_token
      return answer
    }

    const first = await signUp()
    t.equal(first?.status, 201)
    newest = first?.body.refresh_token
    for (let i = 0; i < 5; i++) t.equal((await signUp())?.status, 201)

    const ballast = join(disk.folder, 'ballast')
    fill(ballast)
    // Whoever still fits is acknowledged, and so must be there afterwards.
    const refused = await eventually(
      'a refusal',
      async () => {
        await Promise.all(Array.from({ length: 8 }, refresh))
        const answer = await signUp()
        // The log of the database and the captured mail have room to fill as well.
        fill(join(disk.folder, 'more'))
        return answer?.status === 503 && answer
      },
      60_000,
    )
    if (!refused) throw new Error('unreachable')
    t.equal(refused.body.code, 'service_unavailable')
    t.ok(Number(refused.headers.get('retry-after')) >= 1)
    for (let i = 0; i < 10; i++) {
      await signUp()
      await refresh()
    }
    t.equal((await fetch(`${service.url}/health/live`)).status, 200, 'the service lives')

    rmSync(ballast)
    rmSync(join(disk.folder, 'more'), { force: true })
    await eventually(
      'ready again',
      async () => (await fetch(`${service.url}/health/ready`)).status === 200,
      60_000,
    )
    await eventually('a sign-up', async () => (await signUp())?.status === 201, 30_000)
    t.equal((await refresh())?.status, 200, 'the newest acknowledged refresh token works')
    for (const email of made)
      t.equal((await send('POST', '/login', { email, password }))?.status, 200, `${email} is there`)
    t.same(
      Object.keys(statuses).filter((status) => !['200', '201', '503'].includes(status)),
      [],
      'and nobody was told anything but yes or not now',
    )
    t.comment(JSON.stringify({ made: made.length, statuses }))
    t.equal((await service.stop()).code, 0)
  },
)
