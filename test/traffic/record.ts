// `npm run record-traffic`: runs the tests of the APIs, and keeps what was asked and answered as the traffic of this version, in
// test/fixtures/traffic-<version>.jsonl.gz. Run once for each release (docs/contributing.md).
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot, version } from '../../src/package.ts'

const to = join(packageRoot, `test/fixtures/traffic-${version}.jsonl.gz`)
const folder = await mkdtemp(join(tmpdir(), 'sallyport-traffic-'))

/** Runs tests as `npm test` does. @returns the exit code */
const runTests = (files: readonly string[], env: NodeJS.ProcessEnv) =>
  new Promise<number>((resolve) => {
    const program = ['--import=tsx', join(packageRoot, 'test/support/run.ts'), ...files]
    const child = spawn(process.execPath, program, {
      cwd: packageRoot,
      stdio: 'inherit',
      env: { ...process.env, ...env },
    })
    child.once('exit', (code) => resolve(code ?? 1))
  })

try {
  const recorded = await runTests(['test/contracts', 'test/http'], { RECORD_TRAFFIC: folder })
  process.exitCode =
    recorded || (await runTests(['test/traffic/select.test.ts'], { TRAFFIC_FROM: folder, TRAFFIC_TO: to }))
} finally {
  await rm(folder, { recursive: true, force: true })
}
