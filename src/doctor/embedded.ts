// What can be said of the embedded database from its files alone, while no service runs.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { bad, type Finding, good } from './finding.ts'
import { isWritable } from './here.ts'

/** In: the data directory. */
export async function embeddedFiles(dataDir: string): Promise<Finding> {
  const exists = (name: string) => existsSync(join(dataDir, name))
  if (!(await isWritable(dataDir)))
    return bad(
      'database',
      `${dataDir} cannot be written by this user. Choose another DATA_DIR, or its owner.`,
    )
  if (!exists('postgres'))
    return good('database', `Embedded, and not made yet: npm start makes it in ${dataDir}.`)
  if (!exists('secret-key'))
    return bad(
      'database',
      `${dataDir} has a database and no secret-key, without which its signing keys stay closed. Restore the file, or set SECRET_KEY to what it held.`,
    )
  return good('database', 'Embedded, and not running, because no service is: npm start. Its files are there.')
}
