// The programs of this package as `npm test` compiles them: by a loader, each start would take a second more.
import { join } from 'node:path'
import { packageRoot } from '../../src/package.ts'

/** A program: the service or its commands. */
export type ProgramName = 'service' | 'command'

/** Where their sources are, below the package's root. */
export const programSources: Record<ProgramName, string> = {
  service: 'src/main.ts',
  command: 'src/cli/sallyport.ts',
}

/** The files to run. */
export const programs: Record<ProgramName, string> = {
  service: join(packageRoot, 'dist/test/programs/main.js'),
  command: join(packageRoot, 'dist/test/programs/sallyport.js'),
}
