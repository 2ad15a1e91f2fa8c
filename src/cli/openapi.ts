// npx . openapi
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateDocuments } from '../http/generate.ts'
import { generateDashboard } from '../metrics/dashboard.ts'
import { packageRoot } from '../package.ts'
import { type Command, readOptions } from './command.ts'

const usage = `Usage: npx . openapi [--out FOLDER]

Writes auth.json (OpenAPI 3.1), routes.txt (method, path, access, key, csrf, limit, once, codes) and the dashboard
grafana.json into FOLDER,
by default openapi/ of this checkout. Needs no database.`

export const command: Command = {
  usage,
  async run(words) {
    const { values } = readOptions(words, { out: { type: 'string' } }, usage)
    const folder = values.out ?? join(packageRoot, 'openapi')
    await mkdir(folder, { recursive: true })
    const files = { ...(await generateDocuments()), 'grafana.json': generateDashboard() }
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(folder, name), text)
      console.log(`Wrote ${join(folder, name)}`)
    }
  },
}
