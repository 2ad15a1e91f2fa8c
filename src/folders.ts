// Makes folders and looks whether they can be written to.
import { mkdirSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/**
 * Makes a folder and those above it, one by one. Node's own `recursive` tries for ever where a file system such as /proc
 * answers that the folder above does not exist.
 * @param path absolute, or of the working directory
 * @param mode of the folders that are made
 * @returns the folders that were missing, the topmost first
 * @throws the error of the file system
 */
export function makeFolder(path: string, mode = 0o777): readonly string[] {
  const missing: string[] = []
  let at = resolve(path)
  // The root exists.
  while (!statSync(at, { throwIfNoEntry: false })) {
    missing.push(at)
    at = dirname(at)
  }
  const made = missing.toReversed()
  for (const folder of made)
    try {
      mkdirSync(folder, { mode })
    } catch (error) {
      // Another process was faster; or it is a link that leads nowhere, which is found below.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  if (!statSync(path).isDirectory()) throw new Error(`${resolve(path)} is not a folder`)
  return made
}

/** Bytes of the file that is written to see whether there is room. */
const probeBytes = 16_384

/**
 * Makes a folder, writes a file in it and removes that again.
 * @param freeBytes room that there must be
 * @throws the error of the file system, or one that says how much room there is
 */
export function requireFolder(path: string, freeBytes: number): void {
  makeFolder(path, 0o700)
  const probe = join(path, `probe.${process.pid}`)
  try {
    writeFileSync(probe, Buffer.alloc(probeBytes, 1), { mode: 0o600, flush: true })
  } finally {
    rmSync(probe, { force: true })
  }
  const { bavail, bsize } = statfsSync(path)
  if (bavail * bsize < freeBytes)
    throw new Error(
      `${Math.floor((bavail * bsize) / 2 ** 20)} MiB are free, and ${Math.ceil(freeBytes / 2 ** 20)} MiB are needed`,
    )
}
