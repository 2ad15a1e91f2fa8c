// This package: its folder and its version.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

let folder = dirname(fileURLToPath(import.meta.url))
while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder)

/** The folder of this package; sources and build lie at different depths below it. */
export const packageRoot = folder

export const { version } = createRequire(import.meta.url)(join(packageRoot, 'package.json')) as {
  version: string
}
