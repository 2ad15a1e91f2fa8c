// The products whose documented API we speak; each is loaded only where it is mounted.
import type { Answer } from '../refusal.ts'
import { type BuildContract, type ContractParts, mount } from './mount.ts'

const loaders = {
  nora: async () => (await import('./nora/index.ts')).nora,
} satisfies Record<string, () => Promise<BuildContract>>

export type ContractName = keyof typeof loaders
export const contractNames = Object.keys(loaders) as ContractName[]

export interface MountedContract {
  readonly prefix: string
  readonly answer: Answer
  mount(): Promise<void>
}

/** Loads the contracts named and nothing of the others. */
export async function loadContracts(
  names: readonly string[],
  parts: ContractParts,
): Promise<MountedContract[]> {
  const contracts = await Promise.all(
    contractNames.filter((name) => names.includes(name)).map(async (name) => (await loaders[name]())(parts)),
  )
  return contracts.map((contract) => ({
    prefix: `${contract.prefix}/`,
    answer: contract.answer,
    mount: () => mount(contract, parts),
  }))
}
