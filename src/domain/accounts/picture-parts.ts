// The parts of a picture file: where the picture ends, and which parts are metadata.

/** The kinds of pictures that are stored. */
export type PictureType = 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp'

/** A chunk, segment or block. */
interface Part {
  readonly name: string
  /** Offset of the first byte after it, which may be beyond the end of a truncated file. */
  readonly end: number
}

/** RFC 2083 §3.2: length, type, data, CRC. */
function* pngParts(content: Buffer): Generator<Part> {
  for (let at = 8; at + 12 <= content.length; ) {
    const end = at + 12 + content.readUInt32BE(at)
    yield { name: content.toString('latin1', at + 4, at + 8), end }
    at = end
  }
}

const gifNames: Record<number, string> = { 249: 'control', 254: 'comment', 1: 'text' }

/** GIF89a: an extension or an image, then sub-blocks, the last of which is empty; a trailer ends it (§27). */
function* gifParts(content: Buffer): Generator<Part> {
  const tableBytes = (flags = 0) => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0)
  let at = 13 + tableBytes(content[10])
  while (at < content.length) {
    const block = content[at]
    const label = content[at + 1] ?? 0
    if (block === 0x3b) return yield { name: 'trailer', end: at + 1 }
    if (block !== 0x21 && block !== 0x2c) return
    const application = label === 0xff ? content.toString('latin1', at + 3, at + 14) : undefined
    const name = block === 0x2c ? 'image' : (application ?? gifNames[label] ?? 'extension')
    at += block === 0x21 ? 2 : 11 + tableBytes(content[at + 9])
    while (at < content.length && content[at] !== 0) at += 1 + (content[at] ?? 0)
    at++
    yield { name, end: at }
  }
}

/** RFC 9649 §2.3: a FourCC, a size, and data padded to an even length; the frames of an animation hold such chunks. */
function* webpParts(content: Buffer, from = 12, to = content.length): Generator<Part> {
  for (let at = from; at + 8 <= to; ) {
    const name = content.toString('latin1', at, at + 4)
    const size = content.readUInt32LE(at + 4)
    const end = at + 8 + size + (size & 1)
    if (name === 'ANMF') yield* webpParts(content, at + 24, Math.min(at + 8 + size, to))
    yield { name, end }
    at = end
  }
}

/** ITU-T T.81 §B.1.1: segments with a length, and after each start of scan coded data until the next marker. */
function* jpegParts(content: Buffer): Generator<Part> {
  let at = 2
  while (at + 2 <= content.length && content[at] === 0xff) {
    const marker = content[at + 1] ?? 0
    if (marker === 0xff) {
      at++
      continue
    }
    if (marker === 0xd9) return yield { name: 'end', end: at + 2 }
    if (at + 4 > content.length) return
    const size = content.readUInt16BE(at + 2)
    const title = content.toString('latin1', at + 4, at + 16)
    at += 2 + size
    if (marker === 0xda) at = endOfScan(content, at)
    // A longer JFIF segment contains a thumbnail.
    const more = marker === 0xe0 && size > 16 ? ' with more' : ''
    yield { name: `${marker.toString(16)} ${title.split('\0', 1)[0]}${more}`, end: at }
  }
}

function endOfScan(content: Buffer, from: number): number {
  for (let at = content.indexOf(0xff, from); at >= 0; at = content.indexOf(0xff, at + 1)) {
    const marker = content[at + 1] ?? 0
    // Not a stuffed byte, a restart or a fill byte.
    if (marker !== 0 && marker !== 0xff && !(marker >= 0xd0 && marker <= 0xd7)) return at
  }
  return content.length
}

/**
 * Finds the end of a picture's structure. For a JPEG it is the end of the file, because cameras append previews and depth maps.
 * @returns offset in bytes; null if the picture has no end
 */
export function endOfPicture(type: PictureType, content: Buffer): number | null {
  if (type === 'image/jpeg') return content.length
  if (type === 'image/webp') {
    const end = content.length < 12 ? Number.POSITIVE_INFINITY : 8 + content.readUInt32LE(4)
    return end <= content.length ? end : null
  }
  const last = type === 'image/png' ? 'IEND' : 'trailer'
  for (const { name, end } of type === 'image/png' ? pngParts(content) : gifParts(content))
    if (name === last) return end <= content.length ? end : null
  return null
}

/** Parts that hold pixels, colours or the timing of frames; every other one is metadata. */
const pictorial: Record<PictureType, RegExp> = {
  'image/png':
    /^(?:IHDR|PLTE|IDAT|IEND|tRNS|gAMA|cHRM|sRGB|iCCP|sBIT|bKGD|hIST|pHYs|sPLT|cICP|mDCV|cLLI|acTL|fcTL|fdAT)$/,
  // c0 to cf: frames and tables; e0: JFIF; e2: the colour profile; ee: Adobe's colour transform.
  'image/jpeg': /^(?:c[0-9a-f]|d[a-df]) |^e0 JFIF$|^e2 ICC_PROFILE$|^ee Adobe|^end$/,
  'image/gif': /^(?:image|control|trailer|NETSCAPE2\.0|ANIMEXTS1\.0)$/,
  'image/webp': /^(?:VP8[ LX]|ALPH|ANIM|ANMF|ICCP)$/,
}

const walks = {
  'image/png': pngParts,
  'image/jpeg': jpegParts,
  'image/gif': gifParts,
  'image/webp': webpParts,
}

/** Whether a file contains metadata, such as place, time, device or author, or any unknown part. */
export function carriesMetadata(type: PictureType, content: Buffer): boolean {
  let end = 0
  for (const part of walks[type](content)) {
    if (!pictorial[type].test(part.name)) return true
    end = part.end
  }
  // In a JPEG, the bytes after the picture may be another picture with its own metadata.
  return type === 'image/jpeg' && content.subarray(end).some((byte) => byte !== 0)
}
