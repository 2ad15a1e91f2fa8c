// npx . doctor
import { ConfigError, exitConfig, readConfig } from '../config.ts'
import type { Calibration, Sample } from '../doctor/calibrate.ts'
import { bad, type Finding, type Verdict } from '../doctor/finding.ts'
import { type Command, readOptions } from './command.ts'

const usage = `Usage: npx . doctor [--url] [--calibrate] [--json]

Looks at the configuration, the database, its migrations, clock, connections, keys and standby, mail, proxies, password
hashing and disk, and says what to do. It changes nothing, and works beside a running service or with none.

  --url        also asks PUBLIC_URL, as people reach it
  --calibrate  instead measures how fast this machine hashes passwords (up to 15 seconds, all cores), and proposes settings
  --json       print JSON: { well, findings: [{ check, verdict, says }] }; verdict is good, warning or bad

Ends with 0 when nothing is bad, with 1 when something is, with ${exitConfig} when the configuration is.`

const marks: Record<Verdict, string> = { good: '✓', warning: '!', bad: '✗' }

function tell(findings: readonly Finding[], json: boolean, exitCode: number): void {
  const well = findings.every(({ verdict }) => verdict !== 'bad')
  if (json) console.log(JSON.stringify({ well, findings }, null, 2))
  else
    for (const { check, verdict, says } of findings)
      console.log(`${marks[verdict]} ${check.padEnd(13)} ${says}`)
  if (!well) process.exitCode = exitCode
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

  Hashes at once, of all workers together: ${proposal.hashSlots}, by ${proposal.binding ?? 'nothing'}. That is about ${proposal.loginsPerSecond} sign-ins by password
  in a second, if nothing else needs these cores.`
}

async function measure(json: boolean): Promise<void> {
  const { calibrate } = await import('../doctor/calibrate.ts')
  if (!json) console.log('Measuring argon2id at 19 MiB, two passes, one lane:')
  const calibration = await calibrate((sample) => json || console.log(sampleLine(sample)))
  console.log(json ? JSON.stringify(calibration, null, 2) : proposalText(calibration))
}

export const command: Command = {
  usage,
  async run(words) {
    const options = {
      url: { type: 'boolean' },
      calibrate: { type: 'boolean' },
      json: { type: 'boolean' },
    } as const
    const { values } = readOptions(words, options, usage)
    const json = values.json ?? false
    if (values.calibrate) return measure(json)
    try {
      const config = readConfig()
      const { examine } = await import('../doctor/examine.ts')
      tell(await examine(config, { url: values.url ?? false }), json, 1)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      const problems = error.problems.map((problem) => bad('configuration', problem))
      tell(problems, json, exitConfig)
    }
  },
}
