// npx . openapi
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateDocuments } from '../http/generate.ts'
import { packageRoot } from '../package.ts'
import { type Command, readOptions } from './command.ts'

const usage = `Usage: npx . openapi [--out FOLDER]

Writes auth.json (OpenAPI 3.1) and routes.txt (method, path, access, key, csrf, limit, once, codes) into FOLDER,
by default openapi/ of this checkout. Needs no database.`

export const command: Command = {
  usage,
  async run(words) {
    const { values } = readOptions(words, { out: { type: 'string' } }, usage)
    const folder = values.out ?? join(packageRoot, 'openapi')
    await mkdir(folder, { recursive: true })
    for (const [name, text] of Object.entries(await generateDocuments())) {
      await writeFile(join(folder, name), text)
      console.log(`Wrote ${join(folder, name)}`)
    }
  },
}
