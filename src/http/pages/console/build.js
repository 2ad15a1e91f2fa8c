// Bundles the console and its style sheet into dist/console/.
import { cp } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))
const outdir = path('../../../../dist/console')

await build({
  entryPoints: { console: path('main.tsx') },
  outdir,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  jsx: 'automatic',
  jsxImportSource: 'preact',
  tsconfigRaw: {},
  legalComments: 'none',
  logLevel: 'warning',
}).catch((error) =>
  // Where esbuild has no binary, the service runs without its console.
  console.warn(`The console was not built: ${error.message}`),
)
await build({
  entryPoints: { console: path('style/console.css') },
  outdir,
  bundle: true,
  minify: true,
  target: 'es2022',
  logLevel: 'warning',
}).catch(() => {})
await cp(path('style/icon.svg'), path('../../../../dist/console/icon.svg'))
