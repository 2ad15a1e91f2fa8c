// The smallest valid picture of each format, and PNGs of any size.
import { crc32, deflateSync } from 'node:zlib'

/** One pixel each. */
export const pixels = {
  'image/png': Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'base64',
  ),
  'image/jpeg': Buffer.from(
    `ffd8 ffdb 0043 00 ${'08'.repeat(64)} ffc9 000b 08 0001 0001 01 011100 ffcc 0006 0010 1005 ffda 0008 01 0100 003f00 d2cf20 ffd9`.replaceAll(
      ' ',
      '',
    ),
    'hex',
  ),
  'image/gif': Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64'),
  'image/webp': Buffer.from('UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA', 'base64'),
} as const

export type PixelType = keyof typeof pixels

export function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}

/** A grey PNG. @param comment bytes of a comment in it */
export function png(width: number, height: number, comment = 0): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header[8] = 1
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    pngChunk('IHDR', header),
    ...(comment > 0 ? [pngChunk('tEXt', Buffer.alloc(comment, 'x'))] : []),
    pngChunk('IDAT', deflateSync(Buffer.alloc(Math.min(height * (1 + Math.ceil(width / 8)), 1_000_000)))),
    pngChunk('IEND', Buffer.alloc(0)),
  ])
}

/** A PNG with exactly this number of bytes. */
export function pngOf(bytes: number): Buffer {
  const rest = bytes - png(1, 1, 1).length
  return png(1, 1, rest + 1)
}

export const dataUri = (type: string, content: Buffer) => `data:${type};base64,${content.toString('base64')}`
