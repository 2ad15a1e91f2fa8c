// `npm run docs`: writes the tables that are generated from the code between their markers in docs/.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../package.ts'
import { generatedTables, withTables } from './documentation.ts'

for (const [file, tables] of Object.entries(generatedTables)) {
  const path = join(packageRoot, 'docs', file)
  writeFileSync(path, withTables(readFileSync(path, 'utf8'), tables))
  console.log(`Wrote ${path}`)
}
