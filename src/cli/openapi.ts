// npx . openapi
import { join } from 'node:path'
import { makeFolder } from '../folders.ts'
import { generateDocuments } from '../http/generate.ts'
import { writeOutputFile } from '../output-file.ts'
import { packageRoot } from '../package.ts'
import { CommandError } from './errors.ts'
import { command, option, path } from './options.ts'
import { printLine } from './standard-output.ts'

/** Makes the folder where it is missing. @throws CommandError where it cannot be one */
function requireOutputFolder(path: string): void {
  try {
    makeFolder(path)
  } catch (error) {
    throw new CommandError(`${path} cannot be the folder to write to: ${(error as Error).message}.`)
  }
}

export const openapi = command(
  'openapi',
  'Writes the OpenAPI 3.1 documents and routes.txt (method, path, access, key, csrf, limit, once, codes). Needs no database.',
  [option('--out <FOLDER>', 'the folder to write to', path).default(join(packageRoot, 'openapi'))],
  async ({ out }: { out: string }) => {
    requireOutputFolder(out)
    for (const [name, text] of Object.entries(await generateDocuments())) {
      await writeOutputFile(join(out, name), (write) => write(text))
      printLine(`Wrote ${join(out, name)}`)
    }
  },
)
