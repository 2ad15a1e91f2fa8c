// The variables of this process, with those of a file: `.env` in the working directory, or the one that ENV_FILE names.
import { isUtf8 } from 'node:buffer'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'

let loaded = false

/** @throws the error of the file system; Error for a file that is no text, or has lines and no variable */
function variablesOf(file: string): Record<string, string | undefined> {
  const bytes = readFileSync(file)
  const text = bytes.toString('utf8')
  const variables = parseEnv(text)
  const hasLines = /^\s*[^#\s]/m.test(text)
  const isText = isUtf8(bytes) && !bytes.includes(0)
  if (!isText || (hasLines && Object.keys(variables).length === 0))
    throw new Error(`${file} is no list of variables.`)
  return variables
}

/**
 * Reads the file once, as `node --env-file` does: a variable that is set already stays as it is.
 * @returns the environment of this process
 * @throws the error of the file system where ENV_FILE names no file that can be read, or `.env` cannot be; Error where it is no
 * list of variables
 */
export function ownEnvironment(): NodeJS.ProcessEnv {
  const { ENV_FILE } = process.env
  const file = resolve(ENV_FILE || '.env')
  if (!loaded && (ENV_FILE || existsSync(file)))
    for (const [name, value] of Object.entries(variablesOf(file)))
      if (!(name in process.env)) process.env[name] = value
  loaded = true
  return process.env
}
