// Serves the application of the React tests, bundled from the built packages as a developer's bundler does it, under a strict
// content security policy.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import { packageRoot } from '../../src/package.ts'
import type { TestApp } from './app.ts'

const { resolve } = createRequire(join(packageRoot, 'package.json'))
const folder = join(packageRoot, 'test/fixtures/react')

/** The folders of React 19, under the names that the packages import; 18 is what tap needs, and so the repository's. */
export const react19 = {
  react: dirname(resolve('react-19/package.json')),
  'react-dom': dirname(resolve('react-dom-19/package.json')),
}

/** @param version of React */
export async function bundleReactApp(version: 18 | 19): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(folder, 'app.tsx')],
    absWorkingDir: packageRoot,
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    tsconfigRaw: {},
    define: { 'process.env.NODE_ENV': '"development"' },
    logLevel: 'error',
    ...(version === 19 ? { alias: react19 } : {}),
  })
  return outputFiles[0]?.text ?? ''
}

/** Serves it on a port of localhost, which must be among the project's `origins`. */
export async function serveReactApp(
  t: { teardown(work: () => unknown): void },
  app: TestApp,
  port: number,
  { version = 19, providers = '' }: { version?: 18 | 19; providers?: string } = {},
): Promise<string> {
  const service = app.url.replace('127.0.0.1', 'localhost')
  const script = await bundleReactApp(version)
  const styles = await readFile(join(packageRoot, 'openapi/react/styles.css'), 'utf8')
  const sheet = styles + (await readFile(join(folder, 'page.css'), 'utf8'))
  const page = `<!doctype html>
<html data-service="${service}" data-project="${app.projectId}" data-providers="${providers}">
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Acme</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/app.css">
<div id="root"></div><script type="module" src="/app.js"></script></html>`
  const files: Record<string, readonly [string, string]> = {
    '/app.js': ['text/javascript', script],
    '/app.css': ['text/css', sheet],
  }
  const policy = `default-src 'none'; script-src 'self'; style-src 'self'; img-src data: blob: ${service} ${app.url}; connect-src ${service}`
  const server = createServer((request, response) => {
    const [type, text] = files[request.url ?? ''] ?? ['text/html', page]
    response.setHeader('content-type', `${type}; charset=utf-8`)
    response.setHeader('content-security-policy', policy)
    response.end(text)
  })
  await new Promise<void>((done) => server.listen(port, 'localhost', done))
  t.teardown(() => server.close())
  t.teardown(() => server.closeAllConnections())
  return `http://localhost:${port}`
}
