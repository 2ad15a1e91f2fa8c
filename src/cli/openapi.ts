// npx . openapi
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../folders.ts'
import { generateDocuments } from '../http/generate.ts'
import { packageRoot } from '../package.ts'
import { command, option } from './options.ts'

export const openapi = command(
  'openapi',
  'Writes the OpenAPI 3.1 documents and routes.txt (method, path, access, key, csrf, limit, once, codes). Needs no database.',
  [option('--out <FOLDER>', 'the folder to write to').default(join(packageRoot, 'openapi'))],
  async ({ out }: { out: string }) => {
    makeFolder(out)
    for (const [name, text] of Object.entries(await generateDocuments())) {
      await writeFile(join(out, name), text)
      console.log(`Wrote ${join(out, name)}`)
    }
  },
)
