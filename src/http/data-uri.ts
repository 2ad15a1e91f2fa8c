// Pictures in JSON: data URIs in base64 (RFC 2397).
import type { OfferedPicture } from '../domain/accounts/avatars.ts'

const shape = /^data:(image\/[a-z0-9.+-]{1,32});base64,([A-Za-z0-9+/]*={0,2})$/i

/** Reads a data URI without checking the picture; null for any other text. */
export function readDataUri(text: string): OfferedPicture | null {
  const [, mediaType, base64] = shape.exec(text) ?? []
  if (mediaType === undefined || base64 === undefined || base64.length % 4 !== 0) return null
  return { mediaType, content: Buffer.from(base64, 'base64') }
}
