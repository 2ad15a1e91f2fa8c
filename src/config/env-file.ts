// The variables of this process, with those of a file: `.env` in the working directory, or the one that ENV_FILE names.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

let loaded = false

/**
 * Reads the file once, as `node --env-file` does: a variable that is set already stays as it is.
 * @returns the environment of this process
 * @throws the error of the file system where ENV_FILE names no file that can be read, or `.env` cannot be
 */
export function ownEnvironment(): NodeJS.ProcessEnv {
  const { ENV_FILE } = process.env
  const file = resolve(ENV_FILE || '.env')
  if (!loaded && (ENV_FILE || existsSync(file))) process.loadEnvFile(file)
  loaded = true
  return process.env
}
