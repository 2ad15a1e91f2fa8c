// Bundles the script of the pages to sign in with into dist/pages/.
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))

await build({
  entryPoints: { pages: path('main.ts') },
  outdir: path('../../../../../dist/pages'),
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  tsconfigRaw: {},
  legalComments: 'none',
  logLevel: 'warning',
}).catch((error) =>
  // Where esbuild has no binary, the pages work without script.
  console.warn(`The script of the pages was not built: ${error.message}`),
)
