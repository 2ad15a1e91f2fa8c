// Our own form: JSON lines, or a list; one person each, as `users export` writes them.
import { entriesOf } from './entries.ts'
import { objectOf } from './fields.ts'
import type { Reader } from './reader.ts'

export const jsonl: Reader = async function* (bytes, { hasher }) {
  for await (const entry of entriesOf(bytes)) {
    const person = objectOf(entry.value)
    const isSilent = hasher !== undefined && person.password_hash && !person.password_hasher
    yield isSilent ? { ...entry, value: { ...person, password_hasher: hasher } } : entry
  }
}
