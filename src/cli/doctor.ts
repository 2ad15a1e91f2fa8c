// npx . doctor
import { ConfigError, exitConfig, readConfig } from '../config/config.ts'
import { type Calibration, calibrate, type Sample } from '../doctor/calibrate.ts'
import { examine } from '../doctor/examine.ts'
import { type Finding, findingsOn, type Verdict } from '../doctor/finding.ts'
import { command, option } from './options.ts'
import { shown } from './shown.ts'
import { printLine } from './standard-output.ts'

const marks: Record<Verdict, string> = { good: '✓', warning: '!', bad: '✗' }

/** Prints the findings. @param exitCode of the process if one of them is bad */
function report(findings: readonly Finding[], json: boolean, exitCode: number): void {
  const well = findings.every(({ verdict }) => verdict !== 'bad')
  if (json) printLine(JSON.stringify({ well, findings }, null, 2))
  else
    for (const { check, verdict, says } of findings)
      printLine(shown(`${marks[verdict]} ${check.padEnd(13)} ${says}`))
  if (!well) process.exitCode = exitCode
}

async function check(url: boolean, json: boolean): Promise<void> {
  try {
    report(await examine(readConfig(), { url }), json, 1)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const { bad } = findingsOn('configuration')
    const findings = error.problems.map((problem) => bad`${problem}`)
    report(findings, json, exitConfig)
  }
}

const sampleLine = ({ binding, slots, measured }: Sample): string =>
  `  ${binding.padEnd(16)} ${String(slots).padStart(3)} at once   ${
    measured
      ? `${measured.perSecond.toFixed(1).padStart(7)} hashes/s   ${measured.eachMs.toFixed(0).padStart(5)} ms each`
      : 'does not load here'
  }`

function proposalText({ cores, slotsByMemory, proposal }: Calibration): string {
  return `
  ${cores} cores; free memory has room for ${slotsByMemory} hashes at once.

    WORKERS=${proposal.WORKERS}
    UV_THREADPOOL_SIZE=${proposal.UV_THREADPOOL_SIZE}

  With these, all workers together compute ${proposal.hashSlots} hashes at once (${proposal.binding ?? 'no argon2 loads here'}).
  That is about ${proposal.loginsPerSecond} sign-ins by password in a second, if nothing else needs these cores.`
}

async function measure(json: boolean): Promise<void> {
  if (!json) printLine('Measuring argon2id at 19 MiB, two passes, one lane:')
  const calibration = await calibrate((sample) => json || printLine(sampleLine(sample)))
  printLine(json ? JSON.stringify(calibration, null, 2) : proposalText(calibration))
}

interface Given {
  readonly url?: boolean
  readonly calibrate?: boolean
  readonly json?: boolean
}

export const doctor = command(
  'doctor',
  `Checks the configuration, the database, its migrations, clock, connections, keys and standby, mail, proxies, password hashing and disk, and says what to do. It changes nothing, and works with or without a running service.\n\nEnds with 0 when nothing is bad, with 1 when something is, with ${exitConfig} when the configuration is.`,
  [
    option('--url', 'also ask PUBLIC_URL, as people reach it'),
    option(
      '--calibrate',
      'instead measure how fast this machine hashes passwords (up to 15 seconds, all cores), and propose settings',
    ),
    option(
      '--json',
      'print JSON: { well, findings: [{ check, verdict, says }] }; verdict is good, warning or bad',
    ),
  ],
  ({ url = false, calibrate = false, json = false }: Given) => (calibrate ? measure(json) : check(url, json)),
)
