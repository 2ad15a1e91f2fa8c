// Copies the files of the playground that are not compiled to dist/: the page, its style sheet, and the built SDK.
import { cp, readdir } from 'node:fs/promises'

const here = new URL('./', import.meta.url)
const root = new URL('../../../../', here)
const target = new URL('dist/playground/', root)
const sdk = new URL('openapi/client/dist/', root)

for (const name of ['page.html', 'style.css']) await cp(new URL(name, here), new URL(name, target))
for (const name of await readdir(sdk))
  if (name.endsWith('.js')) await cp(new URL(name, sdk), new URL(`sdk/${name}`, target))
