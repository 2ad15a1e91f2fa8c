// What the tour keeps over a reload: ticks, the language of the code and the transport. The open step is the fragment.

export type Transport = 'bearer' | 'cookie'

export interface Memory {
  /** The ids of the steps that are done. */
  readonly done: readonly string[]
  readonly tab: string
  readonly step: string
  readonly transport: Transport
}

const key = 'sallyport-playground'
const atFirst: Memory = { done: [], tab: 'curl', step: '', transport: 'bearer' }

function read(): Memory {
  try {
    return { ...atFirst, ...JSON.parse(localStorage.getItem(key) ?? '{}') }
  } catch {
    // A browser that forbids storage has a tour without a memory.
    return atFirst
  }
}

let memory = read()
const listeners = new Set<() => void>()

export const readMemory = (): Memory => memory

export function keep(more: Partial<Memory>): void {
  memory = { ...memory, ...more }
  try {
    localStorage.setItem(key, JSON.stringify(memory))
  } catch {}
  for (const listener of listeners) listener()
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

// What another tab keeps.
addEventListener('storage', (event) => {
  if (event.key !== key) return
  memory = read()
  for (const listener of listeners) listener()
})

/** Forgets the ticks. */
export const startOver = (): void => keep({ done: [], step: '' })
