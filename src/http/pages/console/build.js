// Bundles the console and its style sheet into dist/console/.
import { cp } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))
const outdir = path('../../../../dist/console')

await build({
  entryPoints: [
    { in: path('main.tsx'), out: 'console' },
    { in: path('style/console.css'), out: 'console' },
  ],
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
await cp(path('style/icon.svg'), `${outdir}/icon.svg`)
