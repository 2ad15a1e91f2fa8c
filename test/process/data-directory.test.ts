// A data directory that cannot be used is told at once, in a sentence, with exit code 78: by the service and by the commands.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { makeFolder, requireFolder } from '../../src/folders.ts'
import { runProgram } from '../support/service.ts'

const folder = mkdtempSync(join(tmpdir(), 'sallyport-folder-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, 'file')
writeFileSync(file, '')
symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling'))
symlinkSync(join(folder, 'loop'), join(folder, 'loop'))

/** Paths at which no folder can be made, whoever asks. */
const impossible = [
  '/proc/x',
  '/proc/x/y/z',
  '/proc/1/fd/9/x',
  '/sys/x',
  file,
  join(file, 'below'),
  join(folder, 'dangling'),
  join(folder, 'loop'),
  join(folder, 'x'.repeat(300)),
  '/dev/null',
  '/dev/null/x',
]

t.test('a folder that cannot be made is refused at once', async (t) => {
  const since = performance.now()
  for (const path of impossible) t.throws(() => requireFolder(path, 0), path)
  t.ok(performance.now() - since < 2000, 'without trying for ever')
  makeFolder(join(folder, 'a', 'b', 'c'))
  makeFolder(join(folder, 'a', 'b', 'c'))
  requireFolder(join(folder, 'a', 'b', 'd'), 1)
  t.throws(() => requireFolder(folder, Number.MAX_SAFE_INTEGER), /MiB are free, and .* MiB are needed/)
})

t.test('the service and a command say so, and end with 78', async (t) => {
  const started = (name: 'service' | 'command', args: string[], env: Record<string, string>) => {
    const program = runProgram(name, args, { env })
    const timer = setTimeout(() => program.signal('SIGKILL'), 60_000)
    return program.ended.finally(() => clearTimeout(timer))
  }
  const secret = { DATABASE_URL: 'postgres://127.0.0.1:1/x', SECRET_KEY: 'x'.repeat(32) }
  const [service, captured, command] = await Promise.all([
    started('service', [], { DATA_DIR: '/proc/x' }),
    started('service', [], { DATA_DIR: file, ...secret }),
    started('command', ['projects', 'list'], { DATA_DIR: '/proc/x' }),
  ])
  for (const { code, stderr } of [service, captured, command]) {
    t.equal(code, 78)
    t.match(stderr, /DATA_DIR/)
    t.notMatch(stderr, / at .*\.ts/, 'a sentence, not a stack')
  }
})

const mounts = (() => {
  const disk = mkdtempSync(join(tmpdir(), 'sallyport-full-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], { stdio: 'ignore' })
    return disk
  } catch {
    rmSync(disk, { recursive: true })
    return null
  }
})()
t.test('a full disk', mounts ? {} : { skip: 'a small file system cannot be mounted here' }, async (t) => {
  if (!mounts) return
  t.teardown(() => {
    execFileSync('umount', ['--lazy', mounts])
    rmSync(mounts, { recursive: true })
  })
  const { code, stderr } = await runProgram('service', [], { env: { DATA_DIR: mounts } }).ended
  t.equal(code, 78)
  t.match(stderr, /DATA_DIR/)
})
