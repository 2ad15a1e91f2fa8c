// Third-party linters and generators of OpenAPI documents, installed below test/clients.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/package.ts'

export const strangersFolder = join(packageRoot, 'test/clients')

/** The reason why they cannot run; empty if they can. */
export const strangersMissing = (): string =>
  existsSync(join(strangersFolder, 'node_modules/orval'))
    ? ''
    : 'they are not installed: npm ci --prefix test/clients'

/** The path of one of their commands. */
export const strangersBin = (name: string) => join(strangersFolder, 'node_modules/.bin', name)
