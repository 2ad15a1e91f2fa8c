// Measures how fast this machine hashes passwords, and proposes how many processes and threads to give it.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism, freemem, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { environmentWith } from '../config.ts'
import { type Argon2, defaultParameters } from '../crypto/passwords.ts'
import type { Measured, Task } from './measure.ts'

export interface Sample {
  readonly binding: Argon2['binding']
  readonly slots: number
  /** Null where the binding does not load. */
  readonly measured: Measured
}

export interface Calibration {
  readonly cores: number
  readonly samples: readonly Sample[]
  /** Hashes at once that half of the free memory has room for. */
  readonly slotsByMemory: number
  readonly proposal: {
    readonly WORKERS: number
    readonly UV_THREADPOOL_SIZE: number
    /** Hashes at once of all workers together, which follow from the two. */
    readonly hashSlots: number
    readonly binding: Argon2['binding'] | null
    /** By password, where PostgreSQL does not need the same cores. */
    readonly loginsPerSecond: number
  }
}

/** Milliseconds of one sample; all of them together stay below fifteen seconds. */
const sampleMs = 1200
/** Of the time of all cores, what is left for hashes when sign-ins are served. */
const share = 0.9

/** Slots to measure: 1, 2, 4 … and the cores. */
export function slotsToTry(cores: number): number[] {
  const tried: number[] = []
  for (let slots = 1; slots < cores && tried.length < 6; slots *= 2) tried.push(slots)
  return [...tried, cores]
}

/** What the samples propose. In: cores, bytes that are free. */
export function propose(cores: number, freeBytes: number, samples: readonly Sample[]): Calibration {
  const slotsByMemory = Math.max(1, Math.floor(freeBytes / 2 / (defaultParameters.memoryKib * 1024)))
  // One worker for each core, and one hash at once in each, as far as there is memory.
  const hashSlots = Math.min(cores, slotsByMemory)
  const best = samples.reduce<Sample | null>((chosen, sample) => {
    if (!sample.measured || sample.slots > hashSlots) return chosen
    return sample.measured.perSecond > (chosen?.measured?.perSecond ?? 0) ? sample : chosen
  }, null)
  return {
    cores,
    samples,
    slotsByMemory,
    proposal: {
      WORKERS: hashSlots,
      // Beside the hash: files and names, which share the threads.
      UV_THREADPOOL_SIZE: 5,
      hashSlots,
      binding: best?.binding ?? null,
      loginsPerSecond: Math.floor((best?.measured?.perSecond ?? 0) * share),
    },
  }
}

async function ask(child: ChildProcess, task: Task): Promise<Measured> {
  child.send(task)
  const gone = once(child, 'exit').then(() => [null])
  const [measured] = (await Promise.race([once(child, 'message'), gone])) as [Measured]
  return measured
}

/** Measures. `say` is told each sample as it is there. */
export async function calibrate(say: (sample: Sample) => void): Promise<Calibration> {
  const cores = availableParallelism()
  const free = Math.min(freemem(), (process.constrainedMemory?.() || totalmem()) - process.memoryUsage.rss())
  const script = fileURLToPath(import.meta.url).replace(/calibrate(\.\w+)$/, 'measure$1')
  const child = fork(script, [], { env: environmentWith({ UV_THREADPOOL_SIZE: String(cores + 1) }) })
  const samples: Sample[] = []
  async function sample(binding: Argon2['binding'], slots: number): Promise<void> {
    const measured = child.connected ? await ask(child, { binding, slots, ms: sampleMs }) : null
    samples.push({ binding, slots, measured })
    say({ binding, slots, measured })
  }
  try {
    await sample('argon2', 1)
    await sample('@node-rs/argon2', 1)
    const rate = (binding: Argon2['binding']) =>
      samples.find((one) => one.binding === binding)?.measured?.perSecond ?? 0
    const faster = rate('@node-rs/argon2') >= rate('argon2') ? '@node-rs/argon2' : 'argon2'
    for (const slots of slotsToTry(cores).slice(1)) await sample(faster, slots)
    return propose(cores, free, samples)
  } finally {
    child.kill()
  }
}
