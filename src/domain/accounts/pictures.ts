// Pictures: whether bytes are one whole picture of a kind that we store, decided by decoding it, and the picture alone.
import type { Metadata, Sharp, SharpOptions } from 'sharp'
import { createConcurrencyLimit } from '../throttling/concurrency-limit.ts'
import { carriesMetadata, endOfPicture, type PictureType } from './picture-parts.ts'

/** The kinds that are stored, each with its loader in libvips. Other loaders never see the bytes. */
const loaders: Record<PictureType, string> = {
  'image/png': 'VipsForeignLoadPngBuffer',
  'image/jpeg': 'VipsForeignLoadJpegBuffer',
  'image/gif': 'VipsForeignLoadNsgifBuffer',
  'image/webp': 'VipsForeignLoadWebpBuffer',
}

const maxSide = 8192

/** Pixels of all frames together: decoding as many takes about 1.5 s of a core and 140 MB, whatever they are. */
const maxPixels = 4096 * 4096

/** One picture is decoded at a time, so that pictures leave the other threads of libuv to password hashes. */
const decoding = createConcurrencyLimit(16)

let loaded: Promise<(content: Buffer, options: SharpOptions) => Sharp> | undefined

/** Loads libvips with the first picture: most processes never need its 15 MB. */
async function load() {
  const { default: sharp } = await import('sharp')
  sharp.cache(false)
  sharp.concurrency(1)
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({ operation: Object.values(loaders) })
  return sharp
}

export function isPictureType(mediaType: string): mediaType is PictureType {
  return Object.hasOwn(loaders, mediaType)
}

/** Qualities that are tried for lossy kinds, until the picture fits. */
const qualities = [90, 75, 60]

/**
 * The picture without what else the bytes say (place, time, device, author: EXIF, XMP, comments): the same bytes where they
 * say nothing else, else decoded, turned upright and encoded again.
 * @param maxBytes lossy kinds lose quality rather than be larger; others may be larger
 * @returns null where the bytes are not one whole picture of this kind with only zeros behind it
 * @throws AuthError overloaded
 */
export async function cleanPicture(
  type: PictureType,
  content: Buffer,
  maxBytes = content.length,
): Promise<Buffer | null> {
  if (!endsWithPicture(type, content)) return null
  const turn = await decoding.acquire('picture', 1)
  try {
    loaded ??= load()
    const sharp = await loaded
    const options: SharpOptions = { failOn: 'error', limitInputPixels: maxPixels, sequentialRead: true }
    const open: Open = (animated) => sharp(content, { ...options, animated })
    const metadata = await decode(type, open)
    if (!metadata) return null
    return carriesMetadata(type, content) ? await encode(open, metadata, maxBytes) : content
  } catch {
    // libvips says why in words that depend on its version; whatever it cannot decode is no picture.
    return null
  } finally {
    turn.release()
  }
}

type Open = (animated: boolean) => Sharp

/** Decodes every pixel of every frame, and keeps none: the picture is averaged into a single pixel. @throws Error */
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

/** Encodes the pixels alone, in sRGB; libvips turns no animation. @throws Error */
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

/** Whether only zeros follow the picture: decoders stop at its end, and anything behind it would be served too. */
function endsWithPicture(type: PictureType, content: Buffer): boolean {
  const end = endOfPicture(type, content)
  return end !== null && content.subarray(end).every((byte) => byte === 0)
}
