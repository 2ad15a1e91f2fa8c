// Where other people's linters and generators of OpenAPI documents are installed.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/package.ts'

export const strangersFolder = join(packageRoot, 'test/clients')

/** Why they cannot run; empty where they can. */
export const strangersMissing = (): string =>
  existsSync(join(strangersFolder, 'node_modules/orval'))
    ? ''
    : 'they are not installed: npm ci --prefix test/clients'

/** The file of one of their commands. */
export const strangersBin = (name: string) => join(strangersFolder, 'node_modules/.bin', name)
