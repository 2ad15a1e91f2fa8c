// Compiles the tests and the service once for a run, and runs several files in one process, because each process takes
// seconds to load the service.
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { bundle, bundleInChunks } from '../../src/bundle.ts'
import { packageRoot } from '../../src/package.ts'
import { programSources, programs } from './programs.ts'

/** Files of these folders can share a process: they neither change its global state nor measure it. */
const sharing = /^test\/(?:cli|client|contracts|crypto|database|domain|http|mail|races|social)\//
const ofTheirOwn = [
  'test/database/embedded.test.ts',
  'test/domain/account-walks.test.ts',
  'test/http/metrics.test.ts',
  'test/http/tracing.test.ts',
]
const groupSize = 8

/** Groups of test files; each group runs in one process. */
function groupsOf(files: readonly string[]): string[][] {
  const canShare = (file: string) => sharing.test(file) && !ofTheirOwn.includes(file)
  const shared = files.filter(canShare)
  const count = Math.ceil(shared.length / groupSize)
  const groups = Array.from({ length: count }, (_, group) =>
    shared.filter((_, place) => place % count === group),
  )
  return [...files.filter((file) => !canShare(file)).map((file) => [file]), ...groups]
}

/** Lets a compiled module find the files beside its source. */
const urlOfSource: Plugin = {
  name: 'URL of the source',
  setup({ onLoad, initialOptions }) {
    initialOptions.define = { 'import.meta.url': 'urlOfSource' }
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8')
      const first = source.startsWith('#!') ? source.indexOf('\n') + 1 : 0
      const url = `const urlOfSource = ${JSON.stringify(pathToFileURL(path).href)};`
      return { loader: 'ts', contents: source.slice(0, first) + url + source.slice(first) }
    })
  },
}

/** Creates an entry point for each group, in whose files `tap` is the subtest of the file. */
function runsGroups(groups: ReadonlyMap<string, readonly string[]>): Plugin {
  const inGroup = join(packageRoot, 'test/support/tap-in-group.ts')
  return {
    name: 'groups of test files',
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^group:/ }, ({ path }) => ({ path, namespace: 'group' }))
      onLoad({ filter: /.*/, namespace: 'group' }, ({ path }) => {
        const files = (groups.get(path) ?? []).map((file) => {
          const from = JSON.stringify(join(packageRoot, file))
          return `${JSON.stringify(file)}: () => import(${from})`
        })
        const contents = `import { runFiles } from ${JSON.stringify(inGroup)}\nawait runFiles({ ${files.join(',')} })`
        return { contents, resolveDir: packageRoot }
      })
      onResolve({ filter: /^tap$/ }, ({ importer }) =>
        importer === inGroup ? { path: 'tap', external: true } : { path: inGroup },
      )
    },
  }
}

/** Compiles the service and its commands, as the build does. */
export async function compilePrograms(): Promise<void> {
  await Promise.all([
    bundle(programSources.service, programs.service),
    bundleInChunks(programSources.command, dirname(programs.command)),
  ])
}

/**
 * Compiles test files into JavaScript that shares one copy of each module.
 * @param files paths below the package's root, like `test/http/me.test.ts`
 * @param outdir a path below the package's root, so that imports of packages resolve
 * @returns the paths of the programs to run, below the package's root; each runs one or more files
 * @param mapped whether failures show lines of the sources, which takes a quarter of a run's processor time
 * @throws if a file does not parse or an import does not exist
 */
export async function compileTests(
  files: readonly string[],
  outdir: string,
  { mapped }: { readonly mapped: boolean },
): Promise<string[]> {
  const groups = new Map(groupsOf(files).map((group, index) => [`group:${index}`, group]))
  const entryPoints = [...groups].map(([entry, group], index) => ({
    in: entry,
    out: group.length === 1 ? `${group[0]}`.replace(/\.ts$/, '') : `group-${index}`,
  }))
  await build({
    absWorkingDir: packageRoot,
    entryPoints,
    outdir,
    chunkNames: 'chunks/[hash]',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20.9',
    keepNames: true,
    sourcemap: mapped,
    sourcesContent: false,
    logLevel: 'warning',
    plugins: [urlOfSource, runsGroups(groups)],
  })
  return entryPoints.map(({ out }) => join(outdir, `${out}.mjs`))
}
