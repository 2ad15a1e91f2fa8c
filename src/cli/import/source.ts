// The bytes of a file that is imported: plain or compressed, and text that can be read.
import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { access, constants, open, stat } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { CommandError } from '../errors.ts'

/** The bytes of a file, piece by piece. */
export type Bytes = AsyncIterable<Buffer>

/** @throws CommandError where the file cannot be read, or is a folder */
export async function checkReadable(path: string): Promise<void> {
  await access(path, constants.R_OK).catch((error: Error) => {
    throw new CommandError(`The file ${path} cannot be read: ${error.message}.`)
  })
  if ((await stat(path)).isDirectory()) throw new CommandError(`${path} is a folder: name the file in it.`)
}

const startsWith = (head: Buffer, ...bytes: readonly number[]) => bytes.every((byte, at) => head[at] === byte)

/** Why a file is no text that can be read; null: it may be. */
function problemOf(head: Buffer): string | null {
  if (startsWith(head, 0xff, 0xfe) || startsWith(head, 0xfe, 0xff))
    return 'is in UTF-16. Convert it first: iconv -f UTF-16 -t UTF-8'
  if (startsWith(head, 0x50, 0x4b, 3, 4)) return 'is a ZIP archive. Unpack it first'
  if (head.includes(0)) return 'is not a text file'
  return null
}

/** Reads a file, unpacked where it is compressed by gzip, without its byte order mark. @throws CommandError, also from the loop */
export async function openSource(path: string): Promise<Bytes> {
  const file = await open(path).catch((error: Error) => {
    throw new CommandError(`The file ${path} cannot be read: ${error.message}.`)
  })
  const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0).finally(() => file.close())
  const isCompressed = startsWith(buffer.subarray(0, bytesRead), 0x1f, 0x8b)
  return pieces(path, isCompressed)
}

async function* pieces(path: string, isCompressed: boolean): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: 256 * 1024 })
  const bytes = isCompressed ? file.pipe(createGunzip()) : file
  // An error of the file does not pass through a pipe.
  if (isCompressed) file.once('error', (error) => bytes.destroy(error))
  let isFirst = true
  try {
    for await (const piece of bytes as AsyncIterable<Buffer>) {
      const problem = isFirst ? problemOf(piece) : null
      if (problem) throw new CommandError(`The file ${path} ${problem}.`)
      yield isFirst && startsWith(piece, 0xef, 0xbb, 0xbf) ? piece.subarray(3) : piece
      isFirst = false
    }
  } catch (error) {
    if (error instanceof CommandError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    const why =
      code === 'Z_BUF_ERROR' ? 'ends in the middle of what was compressed' : `cannot be read: ${message}`
    throw new CommandError(`The file ${path} ${why}.`)
  } finally {
    file.destroy()
  }
}

/** The text of bytes in UTF-8. @returns null where they are not */
export const textOf = (bytes: Buffer): string | null => (isUtf8(bytes) ? bytes.toString('utf8') : null)
