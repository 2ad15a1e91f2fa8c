// The state of the tour, which survives a reload and is shared by tabs. The open step is the fragment of the URL; `step` is where a
// visit without a fragment begins.
import { createStore, useStore } from './store.ts'

export type Transport = 'bearer' | 'cookie'

export interface Memory {
  /** The ids of the steps that are done. */
  readonly done: readonly string[]
  readonly tab: string
  readonly step: string
  readonly transport: Transport
}

const initial: Memory = { done: [], tab: 'curl', step: '', transport: 'bearer' }
const store = createStore<Memory>('localStorage', 'sallyport-playground', (stored) => ({
  ...initial,
  ...(stored as Partial<Memory> | null),
}))

export const readMemory = store.read
export const useMemory = (): Memory => useStore(store)
export const keep = (changed: Partial<Memory>): void => store.set({ ...store.read(), ...changed })

/** Forgets the ticks. */
export const startOver = (): void => keep({ done: [], step: '' })
