// Measures how fast this machine hashes passwords, and proposes how many processes and threads to give it.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism, freemem, totalmem } from 'node:os'
import { join } from 'node:path'
import { environmentWith } from '../config/config.ts'
import { defaultParameters } from '../crypto/passwords.ts'
import { packageRoot } from '../package.ts'
import type { Measured, Task } from './measure.ts'

export interface Sample extends Pick<Task, 'binding' | 'slots'> {
  /** Null where the binding does not load. */
  readonly measured: Measured
}

export type Calibration = ReturnType<typeof propose>

/** Milliseconds of one sample; all samples together take less than 15 seconds. */
const sampleMs = 1200
/** Part of the cores' time that hashes get while sign-ins are served. */
const hashShare = 0.9

/** Numbers of hashes at once to measure: 1, 2, 4 … and the number of cores. */
export function slotsToTry(cores: number): number[] {
  return [1, 2, 4, 8, 16, 32].filter((slots) => slots < cores).concat(cores)
}

const rateOf = (sample: Sample | undefined) => sample?.measured?.perSecond ?? 0

/** The settings that the samples propose. @param freeBytes of memory */
export function propose(cores: number, freeBytes: number, samples: readonly Sample[]) {
  /** Hashes at once for which half of the free memory has room. */
  const slotsByMemory = Math.max(1, Math.floor(freeBytes / 2 / (defaultParameters.memoryKib * 1024)))
  // One worker for each core, and one hash at once in each, as far as there is memory.
  const hashSlots = Math.min(cores, slotsByMemory)
  const [best] = samples
    .filter((sample) => rateOf(sample) > 0 && sample.slots <= hashSlots)
    .sort((a, b) => rateOf(b) - rateOf(a))
  return {
    cores,
    samples,
    slotsByMemory,
    proposal: {
      WORKERS: hashSlots,
      // Beside the hash: files and names, which share the threads.
      UV_THREADPOOL_SIZE: 5,
      /** Hashes at once of all workers together, which follow from the two. */
      hashSlots,
      binding: best?.binding ?? null,
      /** By password, where PostgreSQL does not need the same cores. */
      loginsPerSecond: Math.floor(rateOf(best) * hashShare),
    },
  }
}

async function measureIn(child: ChildProcess, task: Task): Promise<Measured> {
  if (!child.connected) return null
  child.send(task)
  const ended = once(child, 'exit').then(() => [null])
  const [measured] = (await Promise.race([once(child, 'message'), ended])) as [Measured]
  return measured
}

/** Measures in a child process. @param say is called with each sample as soon as it is measured */
export async function calibrate(say: (sample: Sample) => void): Promise<Calibration> {
  const cores = availableParallelism()
  const free = Math.min(freemem(), (process.constrainedMemory?.() || totalmem()) - process.memoryUsage.rss())
  const script = join(
    packageRoot,
    import.meta.url.endsWith('.ts') ? 'src/doctor/measure.ts' : 'dist/src/doctor/measure.js',
  )
  const child = fork(script, [], { env: environmentWith({ UV_THREADPOOL_SIZE: String(cores + 1) }) })
  const samples: Sample[] = []
  async function measure(binding: Task['binding'], slots: number): Promise<Sample> {
    const sample = { binding, slots, measured: await measureIn(child, { binding, slots, ms: sampleMs }) }
    samples.push(sample)
    say(sample)
    return sample
  }
  try {
    const reference = await measure('argon2', 1)
    const faster = await measure('@node-rs/argon2', 1)
    const { binding } = rateOf(faster) >= rateOf(reference) ? faster : reference
    for (const slots of slotsToTry(cores).slice(1)) await measure(binding, slots)
    return propose(cores, free, samples)
  } finally {
    child.kill()
  }
}
