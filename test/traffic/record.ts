// `npm run record-traffic`: asks this version what test/traffic/scenarios say, and keeps the answers as its traffic, in
// test/fixtures/traffic-<version>.jsonl. Run once for each release (docs/contributing.md).
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot, version } from '../../src/package.ts'
import { fixtureOf } from './fixture.ts'

const program = ['--import=tsx', join(packageRoot, 'test/support/run.ts'), 'test/traffic/record.test.ts']
const child = spawn(process.execPath, program, {
  cwd: packageRoot,
  stdio: 'inherit',
  env: { ...process.env, TRAFFIC_TO: fixtureOf(version) },
})
child.once('exit', (code) => {
  process.exitCode = code ?? 1
})
