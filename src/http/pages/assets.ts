// Files of the build that pages load. A file is read once; its URL carries a hash of its content, so that browsers may cache it.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { packageRoot } from '../../package.ts'
import { RequestProblem } from '../refusal.ts'
import type { Api } from '../typebox.ts'
import { pageRoute } from './layout.ts'

export interface Asset {
  readonly type: string
  readonly content: Buffer
  /** A hash of the content. */
  readonly version: string
}

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

const cache = new Map<string, Asset>()

/** Reads a file below `dist/` at its first request. @returns null where it was not built */
export function readAsset(path: string): Asset | null {
  const cached = cache.get(path)
  if (cached) return cached
  try {
    const content = readFileSync(join(packageRoot, 'dist', path))
    const version = createHash('sha256').update(content).digest('base64url').slice(0, 12)
    const asset = { type: types[extname(path)] ?? 'application/octet-stream', content, version }
    cache.set(path, asset)
    return asset
  } catch {
    return null
  }
}

/** The URL of a file with its version. */
export const versioned = (address: string, asset: Asset | null): string =>
  asset ? `${address}?v=${asset.version}` : address

/**
 * Registers the GET of files of the build. Browsers keep a file for a year if they asked for this version of it: while two versions
 * of the service run side by side, one may be asked for the file of the other.
 * @param url with the parameter `:file`
 * @param find the file of that name; null: there is none
 */
export function assetRoute(
  api: Api,
  url: string,
  find: (file: string) => Asset | null,
  headers: Readonly<Record<string, string>> = {},
): void {
  api.get(url, pageRoute, async (request, reply) => {
    const { file } = request.params as { file: string }
    const asset = find(file)
    if (!asset) throw new RequestProblem('route_not_found')
    const isThisVersion = Object(request.query).v === asset.version
    return reply
      .headers(headers)
      .header('cache-control', isThisVersion ? 'public, max-age=31536000, immutable' : 'no-store')
      .type(asset.type)
      .send(asset.content)
  })
}
