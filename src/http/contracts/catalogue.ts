// The products whose documented APIs the service offers. A contract's module is loaded only if the contract is mounted.
import { type ContractName, contractNames } from '../server-options.ts'
import type { BuildContract, ContractParts } from './mount.ts'

const loaders: Record<ContractName, () => Promise<BuildContract>> = {
  nodeloom: async () => (await import('./nodeloom/index.ts')).nodeloom,
  credebl: async () => (await import('./credebl/index.ts')).credebl,
  nora: async () => (await import('./nora/index.ts')).nora,
}

/** Loads the named contracts and no module of the others; without contracts, `mount.ts` is not loaded either. */
export async function loadContracts(names: readonly ContractName[], parts: ContractParts) {
  const wanted = contractNames.filter((name) => names.includes(name))
  if (wanted.length === 0) return []
  const { mount } = await import('./mount.ts')
  const contracts = await Promise.all(wanted.map(async (name) => (await loaders[name]())(parts)))
  return contracts.map((contract) => ({
    name: contract.name,
    title: contract.title,
    /** The beginning of its paths. */
    prefix: `${contract.prefix}/`,
    mount: () => mount(contract, parts),
  }))
}
