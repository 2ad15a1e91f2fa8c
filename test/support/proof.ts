// Writes the counts of a test for docs/proof.md into the folder that `npm run proof` sets.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Counts by name, as numbers or short texts. */
export type Counts = Record<string, number | string>

/**
 * Writes `<name>.json` in the folder of PROOF_DIR, if that is set.
 * @param name unique among all tests, in lower case with hyphens
 * @param test the file of the test, like `test/races/refresh.test.ts`
 */
export function writeProof(name: string, test: string, counts: Counts): void {
  const folder = process.env.PROOF_DIR
  if (!folder) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify({ name, test, counts }, null, 2)}\n`)
}
