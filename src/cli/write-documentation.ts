// `npm run docs`: writes the tables that follow from the code between their markers in docs/.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../package.ts'
import { documentsWithTables } from './documentation.ts'

for (const { file, withTable } of documentsWithTables) {
  const path = join(packageRoot, 'docs', file)
  const text = withTable(readFileSync(path, 'utf8'))
  if (text === null) throw new Error(`${path} has no markers for its table.`)
  writeFileSync(path, text)
  console.log(`Wrote ${path}`)
}
