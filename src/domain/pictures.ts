// Pictures: whether bytes are a PNG, JPEG, GIF or WebP as a whole, by signature, structure and size on the screen.
//
// Nothing is decoded. Every loop moves forward by at least one byte for each turn, so that no input holds it up.

export type PictureType = 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp'

/** Pixels on a side beyond which a small file is a bomb for whoever shows it. */
const maxSide = 8192

interface Size {
  readonly width: number
  readonly height: number
}

const ascii = (bytes: Buffer, from: number, to: number) => bytes.toString('latin1', from, to)

/** Nothing but padding from `from` on: a picture ends where its structure ends, and no script follows it. */
function onlyPaddingFrom(bytes: Buffer, from: number): boolean {
  for (let at = from; at < bytes.length; at++) if (bytes[at] !== 0) return false
  return true
}

/** PNG (RFC 2083 §3): IHDR first, chunks within the file, at least one IDAT, IEND last. */
function pngSize(bytes: Buffer): Size | null {
  if (!bytes.subarray(0, 8).equals(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'))) return null
  if (bytes.length < 33 || bytes.readUInt32BE(8) !== 13 || ascii(bytes, 12, 16) !== 'IHDR') return null
  let hasData = false
  for (let at = 8; at + 12 <= bytes.length; ) {
    const type = ascii(bytes, at + 4, at + 8)
    const end = at + 12 + bytes.readUInt32BE(at)
    if (!/^[A-Za-z]{4}$/.test(type) || end > bytes.length) return null
    if (type === 'IDAT') hasData = true
    if (type === 'IEND')
      return hasData && onlyPaddingFrom(bytes, end)
        ? { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }
        : null
    at = end
  }
  return null
}

/** Whether a JPEG marker opens a frame, which tells the size (ITU-T T.81, table B.1): all of C0–CF but DHT, JPG, DAC. */
const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc

/** JPEG (ITU-T T.81, annex B): segments to the first scan, a frame among them. Behind it cameras put what they like. */
function jpegSize(bytes: Buffer): Size | null {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0xffd8) return null
  let size: Size | null = null
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return null
    const marker = bytes[at + 1] ?? 0
    // Fill bytes (B.1.1.2), and the one marker without a length that may stand here.
    if (marker === 0xff || marker === 0x01) {
      at += marker === 0xff ? 1 : 2
      continue
    }
    const length = bytes.readUInt16BE(at + 2)
    if (marker < 0xc0 || (marker >= 0xd0 && marker <= 0xd9) || length < 2) return null
    if (at + 2 + length > bytes.length) return null
    if (isFrame(marker)) {
      if (length < 8 || size) return null
      size = { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) }
    }
    at += 2 + length
    if (marker === 0xda) return at < bytes.length ? size : null
  }
  return null
}

/** GIF (GIF89a §15): a screen, blocks, at least one image among them, the trailer last. */
function gifSize(bytes: Buffer): Size | null {
  if (bytes.length < 14 || !/^GIF8[79]a$/.test(ascii(bytes, 0, 6))) return null
  const tableBytes = (flags: number) => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0)
  /** Behind a row of sub-blocks; beyond the file where they do not end. */
  const skipBlocks = (from: number) => {
    let at = from
    while (at < bytes.length && bytes[at] !== 0) at += 1 + (bytes[at] ?? 0)
    return at + 1
  }
  let hasImage = false
  let at = 13 + tableBytes(bytes[10] ?? 0)
  while (at < bytes.length) {
    const block = bytes[at]
    if (block === 0x21) at = skipBlocks(at + 2)
    else if (block === 0x2c && at + 11 <= bytes.length) {
      hasImage = true
      at = skipBlocks(at + 11 + tableBytes(bytes[at + 9] ?? 0))
    } else if (block === 0x3b && hasImage && onlyPaddingFrom(bytes, at + 1))
      return { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) }
    else return null
  }
  return null
}

/** WebP (RFC 9649 §2): a RIFF of the file's length whose first chunk is a picture and tells its size. */
function webpSize(bytes: Buffer): Size | null {
  if (bytes.length < 30 || ascii(bytes, 0, 4) !== 'RIFF' || ascii(bytes, 8, 12) !== 'WEBP') return null
  const end = 8 + bytes.readUInt32LE(4)
  if (end > bytes.length || !onlyPaddingFrom(bytes, end)) return null
  const chunks: string[] = []
  for (let at = 12; at < end; ) {
    if (at + 8 > end) return null
    chunks.push(ascii(bytes, at, at + 4))
    const length = bytes.readUInt32LE(at + 4)
    at += 8 + length + (length % 2)
    // Encoders forget the last padding byte.
    if (at > end + 1) return null
  }
  const [first] = chunks
  if (first === 'VP8 ' && bytes.readUIntBE(23, 3) === 0x9d012a)
    return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff }
  if (first === 'VP8L' && bytes[20] === 0x2f) {
    const packed = bytes.readUInt32LE(21)
    return { width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1 }
  }
  if (first === 'VP8X' && chunks.some((chunk) => /^(?:VP8 |VP8L|ANMF)$/.test(chunk)))
    return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 }
  return null
}

const sizes: Record<PictureType, (bytes: Buffer) => Size | null> = {
  'image/png': pngSize,
  'image/jpeg': jpegSize,
  'image/gif': gifSize,
  'image/webp': webpSize,
}

/** Whether the claim is a kind of picture that we keep. */
export function isPictureType(claim: string): claim is PictureType {
  return Object.hasOwn(sizes, claim)
}

/** Whether the bytes are a whole picture of the kind that they are said to be, of a size that can be shown. */
export function isPicture(type: PictureType, bytes: Buffer): boolean {
  const size = sizes[type](bytes)
  if (!size) return false
  return [size.width, size.height].every((side) => side >= 1 && side <= maxSide)
}
