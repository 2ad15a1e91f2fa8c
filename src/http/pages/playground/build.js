// Bundles the playground and its style sheet into dist/playground/, and copies the built SDK beside them, for the browser's console.
import { cp, mkdir, readdir, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))
const outdir = path('../../../../dist/playground')

// What an earlier version built.
await rm(outdir, { recursive: true, force: true })
await mkdir(outdir, { recursive: true })
await build({
  entryPoints: { main: path('main.tsx'), style: path('style.css') },
  outdir,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"' },
  tsconfigRaw: {},
  // React's licence asks for its notice.
  legalComments: 'eof',
  logLevel: 'warning',
}).catch((error) =>
  // Where esbuild has no binary, the service runs without its playground.
  console.warn(`The playground was not built: ${error.message}`),
)
const sdk = path('../../../../openapi/client/dist')
for (const name of await readdir(sdk))
  if (name.endsWith('.js')) await cp(`${sdk}/${name}`, `${outdir}/sdk/${name}`)
