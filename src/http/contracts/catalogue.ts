// The products whose documented API we speak; each is loaded only where it is mounted.
import type { BuildContract, ContractParts } from './mount.ts'

const loaders = {
  nodeloom: async () => (await import('./nodeloom/index.ts')).nodeloom,
  credebl: async () => (await import('./credebl/index.ts')).credebl,
  nora: async () => (await import('./nora/index.ts')).nora,
} satisfies Record<string, () => Promise<BuildContract>>

export type ContractName = keyof typeof loaders
export const contractNames = Object.keys(loaders) as ContractName[]

export interface LoadedContract {
  readonly name: string
  readonly title: string
  /** Where its paths begin, with the slash behind it. */
  readonly prefix: string
  mount(): Promise<void>
}

/** Loads the contracts named, and nothing of the others; without any, not even what mounts them. */
export async function loadContracts(
  names: readonly ContractName[],
  parts: ContractParts,
): Promise<LoadedContract[]> {
  const wanted = contractNames.filter((name) => names.includes(name))
  if (wanted.length === 0) return []
  const { mount } = await import('./mount.ts')
  const contracts = await Promise.all(wanted.map(async (name) => (await loaders[name]())(parts)))
  return contracts.map((contract) => ({
    name: contract.name,
    title: contract.title,
    prefix: `${contract.prefix}/`,
    mount: () => mount(contract, parts),
  }))
}
