// The type of the readers: each reads the export of one product and yields a person for each entry.
import type { Entry } from './entries.ts'
import type { Bytes } from './source.ts'

export interface ReaderOptions {
  /** The project that is imported into; derived UUIDs depend on it. */
  readonly project: string
  /** Opens the second file of a product that has two. */
  readonly openHashes?: (() => Promise<Bytes>) | undefined
  /** Firebase's parameters, as its console shows them. */
  readonly signerKey?: string | undefined
  readonly saltSeparator?: string | undefined
  readonly rounds?: number | undefined
  readonly memCost?: number | undefined
  /** How the hashes were made, where their text does not say it. */
  readonly hasher?: string | undefined
  /** Called with a sentence about data that is not imported; a repeated sentence counts once. */
  readonly note: (sentence: string) => void
}

/**
 * Reads the file of a product. The value of an entry is a person in the form of our JSON lines, which the domain checks.
 * @throws CommandError, also from the loop, where the file is not of the product's form, or an option is missing
 */
export type Reader = (bytes: Bytes, options: ReaderOptions) => AsyncIterable<Entry>
