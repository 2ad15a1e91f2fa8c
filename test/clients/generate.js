// Runs one generator on OpenAPI documents, by its own programming interface: node generate.js GENERATOR FOLDER DOCUMENT...
// Each document FOLDER/NAME.json becomes TypeScript below FOLDER/GENERATOR/NAME.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'

async function save(file, text) {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
}

/** By name: reads the document at `input` and writes below `out`. */
const generators = {
  async 'hey-api'(input, out) {
    const { createClient } = await import('@hey-api/openapi-ts')
    await createClient({
      input,
      output: out,
      plugins: ['@hey-api/typescript', '@hey-api/sdk', '@hey-api/client-fetch'],
      logs: { level: 'silent', file: false },
    })
  },

  async kubb(input, out) {
    const [{ build }, { pluginOas }, { pluginTs }, { pluginClient }] = await Promise.all([
      import('@kubb/core'),
      import('@kubb/plugin-oas'),
      import('@kubb/plugin-ts'),
      import('@kubb/plugin-client'),
    ])
    const { error, failedPlugins } = await build({
      config: {
        root: dirname(input),
        input: { path: input },
        output: { path: relative(dirname(input), out), clean: true },
        plugins: [
          pluginOas({ validate: true, generators: [] }),
          pluginTs(),
          pluginClient({ client: 'fetch', dataReturnType: 'full' }),
        ],
      },
    })
    if (error || failedPlugins.size > 0) throw error ?? [...failedPlugins][0].error
  },

  async oazapfts(input, out) {
    const { generateSource } = await import('oazapfts')
    await save(join(out, 'api.ts'), await generateSource(input))
  },

  async 'openapi-fetch'(input, out) {
    const { default: openapiTS, astToString } = await import('openapi-typescript')
    await save(join(out, 'schema.ts'), astToString(await openapiTS(await readFile(input, 'utf8'))))
  },

  async 'openapi-typescript-codegen'(input, out) {
    const { generate } = await import('openapi-typescript-codegen')
    await generate({ input, output: out, httpClient: 'fetch' })
  },

  async orval(input, out) {
    const { generate } = await import('orval')
    const target = join(out, 'api.ts')
    await generate({ input: { target: input }, output: { target, client: 'fetch', mode: 'single' } })
  },

  async 'swagger-typescript-api'(input, out) {
    const { generateApi } = await import('swagger-typescript-api')
    await generateApi({ input, output: out, fileName: 'api.ts', httpClientType: 'fetch', silent: true })
  },

  async 'typed-openapi'(input, out) {
    const { generateFile, mapOpenApiEndpoints } = await import('typed-openapi')
    const context = mapOpenApiEndpoints(JSON.parse(await readFile(input, 'utf8')))
    await save(join(out, 'api.ts'), generateFile({ ...context, runtime: 'none', schemasOnly: false }))
  },
}

const [generator, folder, ...documents] = process.argv.slice(2)
if (!generator) console.log(Object.keys(generators).join('\n'))
for (const input of documents)
  await generators[generator](input, join(folder, generator, basename(input, '.json')))
