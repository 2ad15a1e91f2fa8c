// A separate project with `sallyport` and `@sallyport/testing` installed, to run its tests.
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { packageRoot } from '../../src/package.ts'

export interface TestingProject {
  readonly folder: string
  /** Runs a Node program in it with only PATH of this process's environment. */
  run(program: readonly string[], env?: Record<string, string>): Promise<{ code: number | null; out: string }>
  /** Starts a Node program in its own process group and returns the process. */
  start(program: readonly string[]): ReturnType<typeof spawn>
  /** The command lines of running services, and the names of existing data directories. */
  left(): Promise<string[]>
}

/**
 * Makes the project.
 * @param files by name
 * @param modules a folder of further packages
 */
export async function testingProject(
  t: { teardown(work: () => unknown): void },
  files: Readonly<Record<string, string>>,
  modules?: string,
): Promise<TestingProject> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-project-'))
  t.teardown(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  const installed = join(folder, 'node_modules')
  const temporary = join(folder, 'tmp')
  await mkdir(join(installed, '@sallyport'), { recursive: true })
  await mkdir(temporary)
  await symlink(packageRoot, join(installed, 'sallyport'))
  await symlink(join(packageRoot, 'openapi/testing'), join(installed, '@sallyport/testing'))
  for (const name of modules ? await readdir(modules) : [])
    if (!name.startsWith('.') && name !== '@sallyport')
      await symlink(join(modules ?? '', name), join(installed, name))
  for (const [name, text] of Object.entries({ 'package.json': '{ "type": "module" }', ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }

  const start: TestingProject['start'] = (program) =>
    spawn(process.execPath, program, { cwd: folder, env: environment(), detached: true })
  const environment = (more: Record<string, string> = {}) => ({
    PATH: process.env.PATH ?? '',
    HOME: folder,
    // Its own, so that what is left can be told from what other tests run.
    TMPDIR: temporary,
    ...more,
  })
  return {
    folder,
    start,
    async run(program, env) {
      const child = spawn(process.execPath, program, { cwd: folder, env: environment(env) })
      let out = ''
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (chunk) => {
          out += chunk
        })
      const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
      return { code, out }
    },
    async left() {
      const names = await readdir(temporary, { recursive: true }).catch(() => [])
      const runs = names.filter((name) => /^[^/]+\/run-[^/]+$/.test(name))
      const { readFile } = await import('node:fs/promises')
      const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
      const commands = await Promise.all(
        pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
      )
      return [...runs, ...commands.filter((command) => command.includes(temporary))]
    },
  }
}
