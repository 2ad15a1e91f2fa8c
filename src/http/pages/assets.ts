// Files of the build that pages load: read once, and kept by browsers under an address that names their content.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { packageRoot } from '../../package.ts'

export interface Asset {
  readonly type: string
  readonly content: Buffer
  /** Of the content. */
  readonly version: string
}

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

const known = new Map<string, Asset>()

/** Reads a file below `dist/`, when it is first asked for. @returns null where it was not built */
export function readAsset(path: string): Asset | null {
  const found = known.get(path)
  if (found) return found
  try {
    const content = readFileSync(join(packageRoot, 'dist', path))
    const version = createHash('sha256').update(content).digest('base64url').slice(0, 12)
    const asset = { type: types[extname(path)] ?? 'application/octet-stream', content, version }
    known.set(path, asset)
    return asset
  } catch {
    return null
  }
}

/** The address of a file, with its version. */
export const versioned = (address: string, asset: Asset | null): string =>
  asset ? `${address}?v=${asset.version}` : address

/**
 * Sends a file. Browsers keep it for a year, if they asked for this version of it: while two versions of the service stand side by
 * side, one may be asked for the file of the other.
 */
export function sendAsset(request: FastifyRequest, reply: FastifyReply, asset: Asset): FastifyReply {
  const isAsked = Object(request.query).v === asset.version
  return reply
    .header('cache-control', isAsked ? 'public, max-age=31536000, immutable' : 'no-store')
    .type(asset.type)
    .send(asset.content)
}
