// Checks that bytes are one whole picture of a kind that is stored, by decoding it, and removes its metadata.
import type { Metadata, Sharp, SharpOptions } from 'sharp'
import { onceLoaded } from '../../once.ts'
import { createConcurrencyLimit } from '../throttling/concurrency-limit.ts'
import { carriesMetadata, endOfPicture, type PictureType } from './picture-parts.ts'

/** The kinds that are stored, each with its loader in libvips. All other loaders are blocked. */
const loaders: Record<PictureType, string> = {
  'image/png': 'VipsForeignLoadPngBuffer',
  'image/jpeg': 'VipsForeignLoadJpegBuffer',
  'image/gif': 'VipsForeignLoadNsgifBuffer',
  'image/webp': 'VipsForeignLoadWebpBuffer',
}

const maxSide = 8192

/** Pixels of all frames together. Decoding that many takes at most about 1.5 s of a core and 140 MB. */
const maxPixels = 4096 * 4096

/** One picture is decoded at a time, so that the other threads of libuv are left to password hashes. */
const decoding = createConcurrencyLimit(16)

/** Loads libvips for the first picture: most processes never need its 15 MB. */
const loadSharp = onceLoaded(async () => {
  const { default: sharp } = await import('sharp')
  sharp.cache(false)
  sharp.concurrency(1)
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({ operation: Object.values(loaders) })
  return sharp
})

export function isPictureType(mediaType: string): mediaType is PictureType {
  return Object.hasOwn(loaders, mediaType)
}

/** Qualities that are tried for lossy kinds, until the picture fits. */
const qualities = [90, 75, 60]

/**
 * Returns the picture without metadata (EXIF, XMP, comments): the same bytes if they contain none, else decoded, turned upright
 * and encoded again. A JPEG or WebP is encoded at lower quality if it would become larger; other kinds may become larger.
 * @returns null if the bytes are not one whole picture of this kind, followed by nothing but zeros
 * @throws AuthError overloaded
 */
export async function cleanPicture(type: PictureType, content: Buffer): Promise<Buffer | null> {
  if (!endsWithPicture(type, content)) return null
  const turn = await decoding.acquire('picture', 1)
  try {
    return await decodeAndClean(await loadSharp(), type, content)
  } finally {
    turn.release()
  }
}

async function decodeAndClean(
  sharp: Awaited<ReturnType<typeof loadSharp>>,
  type: PictureType,
  content: Buffer,
): Promise<Buffer | null> {
  try {
    const options: SharpOptions = { failOn: 'error', limitInputPixels: maxPixels, sequentialRead: true }
    const open: Open = (animated) => sharp(content, { ...options, animated })
    const metadata = await decode(type, open)
    if (!metadata) return null
    return carriesMetadata(type, content) ? await encode(open, metadata, content.length) : content
  } catch {
    // What libvips cannot decode is no picture. Its messages depend on its version.
    return null
  }
}

type Open = (animated: boolean) => Sharp

/** Decodes every pixel of every frame by averaging them into one, which keeps memory low. @throws Error */
async function decode(type: PictureType, open: Open): Promise<Metadata | null> {
  const metadata = await open(false).metadata()
  const { format, width, height, pages = 1 } = metadata
  if (`image/${format}` !== type || Math.max(width, height) > maxSide || width * height * pages > maxPixels)
    return null
  await open(pages > 1)
    .resize(1, 1, { fit: 'fill', fastShrinkOnLoad: false })
    .raw()
    .toBuffer()
  return metadata
}

/** Encodes only the pixels, in sRGB. Animations are not rotated: libvips cannot. @throws Error */
async function encode(open: Open, metadata: Metadata, maxBytes: number): Promise<Buffer> {
  const { format, pages = 1, chromaSubsampling = '4:2:0', isPalette = false } = metadata
  const upright = () => (pages > 1 ? open(true) : open(false).autoOrient())
  if (format === 'png') return upright().png({ palette: isPalette }).toBuffer()
  if (format === 'gif') return upright().gif({ effort: 3 }).toBuffer()
  let encoded = Buffer.alloc(0)
  for (const quality of qualities) {
    const picture = upright()
    encoded = await (format === 'jpeg'
      ? picture.jpeg({
          quality,
          chromaSubsampling: chromaSubsampling.startsWith('4:4:4') ? '4:4:4' : '4:2:0',
        })
      : picture.webp({ quality, effort: 3 })
    ).toBuffer()
    if (encoded.length <= maxBytes) break
  }
  return encoded
}

/** Whether only zeros follow the picture. Decoders stop at its end, but all bytes would be served. */
function endsWithPicture(type: PictureType, content: Buffer): boolean {
  const end = endOfPicture(type, content)
  return end !== null && content.subarray(end).every((byte) => byte === 0)
}
