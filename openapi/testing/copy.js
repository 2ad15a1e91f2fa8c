// Copies the built @sallyport/client beside src/ and dist/, so that this package needs no other.
import { cp, mkdir, readdir } from 'node:fs/promises'

const from = new URL('../client/dist/', import.meta.url)
const to = new URL('sdk/', import.meta.url)

await mkdir(to, { recursive: true })
for (const name of await readdir(from))
  if (!name.startsWith('admin')) await cp(new URL(name, from), new URL(name, to))
