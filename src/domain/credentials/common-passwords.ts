// The most frequent passwords of at least eight characters, from the dictionary of zxcvbn (package @zxcvbn-ts/language-common).
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { passwordLength } from '../../formats.ts'
import { onceLoaded } from '../../once.ts'

/** The form in which passwords are compared: NFKC, lower case. */
export const foldPassword = (text: string): string => text.normalize('NFKC').toLowerCase()

/**
 * The passwords as bytes, each between line feeds: 170 kB outside of the heap, where a set of strings takes megabytes. Loaded
 * when the first password is set.
 */
const load = onceLoaded(async (): Promise<Buffer> => {
  const file = createRequire(import.meta.url).resolve('@zxcvbn-ts/language-common/src/passwords.json')
  const entries: unknown[] = JSON.parse(await readFile(file, 'utf8'))
  const folded = entries.map((entry) => foldPassword(String(entry)))
  const long = folded.filter((entry) => [...entry].length >= passwordLength.min)
  return Buffer.from(`\n${[...new Set(long)].join('\n')}\n`)
})

/** Number of passwords on the list. */
export async function countCommonPasswords(): Promise<number> {
  return (await load()).filter((byte) => byte === 10).length - 1
}

/** Whether a password is on the list, in any capitalization. */
export async function isCommonPassword(password: string): Promise<boolean> {
  const folded = foldPassword(password)
  return !folded.includes('\n') && (await load()).includes(`\n${folded}\n`)
}
