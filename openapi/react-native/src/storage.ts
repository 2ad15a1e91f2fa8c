// The session in the platform's secure storage, which takes values of up to 2048 bytes: longer ones are split.
import type { TokenStorage } from '@sallyport/client'

/** The part of `expo-secure-store` that is used. */
export interface SecureStoreModule {
  getItemAsync(key: string): Promise<string | null>
  setItemAsync(key: string, value: string): Promise<void>
  deleteItemAsync(key: string): Promise<void>
}

/** Bytes of UTF-8 in one value of the storage, with room to spare. */
const maxBytes = 2000

/** Marks a value that says where the parts are; the client stores JSON, which begins otherwise. */
const mark = 'parts:'

const bytesOf = (character: string): number => {
  const point = character.codePointAt(0) ?? 0
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4
}

/** Splits a text between characters, each part within the limit. */
function split(text: string): string[] {
  const parts: string[] = []
  let part = ''
  let size = 0
  for (const character of text) {
    const bytes = bytesOf(character)
    if (size + bytes > maxBytes) {
      parts.push(part)
      part = ''
      size = 0
    }
    part += character
    size += bytes
  }
  return [...parts, part]
}

/**
 * Makes a storage for `projectUserAuth.tokenStorage` of the client.
 *
 * A longer value is written in parts under names of their own before the value that names them, so that an app that is ended in
 * between still has the former one.
 *
 * @param store the module `expo-secure-store`
 */
export function secureStorage(store: SecureStoreModule): TokenStorage {
  /** The names of the parts that a stored value has: its generation `a` or `b`, and how many. */
  function partsOf(key: string, head: string | null): string[] {
    const [, generation, count] = /^parts:([ab]):(\d+)$/.exec(head ?? '') ?? []
    return Array.from({ length: Number(count ?? 0) }, (_, at) => `${key}.${generation}${at}`)
  }

  async function drop(names: readonly string[]): Promise<void> {
    for (const name of names) await store.deleteItemAsync(name)
  }

  return {
    async getItem(key) {
      const head = await store.getItemAsync(key)
      if (!head?.startsWith(mark)) return head
      const parts = await Promise.all(partsOf(key, head).map((name) => store.getItemAsync(name)))
      // A part is missing: the value is lost, and is none.
      return parts.includes(null) ? null : parts.join('')
    },
    async setItem(key, value) {
      const before = await store.getItemAsync(key)
      const old = partsOf(key, before)
      const parts = split(value)
      if (parts.length === 1) await store.setItemAsync(key, value)
      else {
        const generation = before?.startsWith(`${mark}a`) ? 'b' : 'a'
        const head = `${mark}${generation}:${parts.length}`
        const names = partsOf(key, head)
        for (const [at, name] of names.entries()) await store.setItemAsync(name, parts[at] ?? '')
        await store.setItemAsync(key, head)
      }
      await drop(old)
    },
    async removeItem(key) {
      const old = partsOf(key, await store.getItemAsync(key))
      await store.deleteItemAsync(key)
      await drop(old)
    },
  }
}
