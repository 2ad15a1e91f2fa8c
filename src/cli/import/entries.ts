// The entries of a JSON file: lines, a list, or lists by their names in one object. The file is never held as a whole.
import { CommandError } from '../errors.ts'
import { type Bytes, textOf } from './source.ts'

/** One entry of a file: its line, or its position in the list from 1 on. */
export interface Entry {
  readonly line: number
  /** Undefined: `refused` says why there is none. */
  readonly value?: unknown
  readonly refused?: string
  /** The name of the list, in an object of lists. */
  readonly list?: string
}

/** Bytes that one entry may have. */
const maxEntryBytes = 4_194_304

function parse(line: number, bytes: Buffer, list?: string): Entry {
  const text = textOf(bytes)
  const named = list === undefined ? { line } : { line, list }
  if (text === null) return { ...named, refused: 'It is not valid UTF-8.' }
  try {
    return { ...named, value: JSON.parse(text) as unknown }
  } catch {
    return { ...named, refused: 'It is not valid JSON.' }
  }
}

const tooLong = (line: number) =>
  new CommandError(`Entry ${line} of the file is longer than ${maxEntryBytes / 1_048_576} MiB.`)

/**
 * The entries of JSON lines; blank lines are passed over.
 * @throws CommandError, from the loop, where a line is too long
 */
async function* linesOf(bytes: Bytes): AsyncGenerator<Entry> {
  let rest: Buffer = Buffer.alloc(0)
  let line = 0
  const entry = (content: Buffer) => (/\S/.test(content.toString('latin1')) ? [parse(line, content)] : [])
  for await (const piece of bytes) {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece])
    let from = 0
    for (let to = rest.indexOf(10); to >= 0; to = rest.indexOf(10, from)) {
      line++
      yield* entry(rest.subarray(from, to))
      from = to + 1
    }
    rest = rest.subarray(from)
    if (rest.length > maxEntryBytes) throw tooLong(line + 1)
  }
  line++
  yield* entry(rest)
}

const code = {
  quote: 34,
  backslash: 92,
  comma: 44,
  colon: 58,
  open: 91,
  close: 93,
  begin: 123,
  end: 125,
} as const
const isBlank = (byte: number) => byte === 32 || (byte >= 9 && byte <= 13)

/**
 * Cuts the entries of lists out of a JSON document as it arrives, without parsing more than one. Each entry is parsed by itself, so
 * one that is not JSON spoils no other.
 */
class ListScanner {
  #buffer: Buffer = Buffer.alloc(0)
  #at = 0
  #depth = 0
  #isInText = false
  #isEscaped = false
  /** Where the current entry begins; -1: none does. */
  #start = -1
  #keyStart = -1
  #key = ''
  /** The depth inside the list whose entries are wanted; 0: in none. */
  #inside = 0
  #count = 0
  /** Whether a list was met whose entries are wanted. */
  hasList = false
  readonly #lists: ReadonlySet<string> | null

  /** @param lists the names of the lists in an object; null: the document is one list */
  constructor(lists: ReadonlySet<string> | null) {
    this.#lists = lists
  }

  get isComplete(): boolean {
    return this.#depth === 0 && !this.#isInText
  }

  *scan(piece: Buffer): Generator<Entry> {
    const keep = this.#start >= 0 ? this.#start : this.#keyStart >= 0 ? this.#keyStart : this.#at
    this.#buffer = Buffer.concat([this.#buffer.subarray(keep), piece])
    this.#at -= keep
    if (this.#start >= 0) this.#start = 0
    if (this.#keyStart >= 0) this.#keyStart = Math.max(0, this.#keyStart - keep)
    if (this.#buffer.length - piece.length > maxEntryBytes) throw tooLong(this.#count + 1)
    for (; this.#at < this.#buffer.length; this.#at++) yield* this.#step(this.#buffer[this.#at] ?? 0)
  }

  *#step(byte: number): Generator<Entry> {
    if (this.#isInText) {
      this.#stepInText(byte)
      return
    }
    const isEntryDepth = this.#inside > 0 && this.#depth === this.#inside
    if (isEntryDepth && (byte === code.comma || byte === code.close)) yield* this.#finish(this.#at)
    else if (isEntryDepth && this.#start < 0 && !isBlank(byte)) this.#start = this.#at
    if (byte === code.quote) {
      this.#isInText = true
      if (this.#depth === 1 && this.#start < 0) this.#keyStart = this.#at
    } else if (byte === code.open || byte === code.begin) {
      this.#depth++
      const isWanted =
        this.#lists === null ? this.#depth === 1 : this.#depth === 2 && this.#lists.has(this.#key)
      if (byte === code.open && isWanted && this.#start < 0) {
        this.#inside = this.#depth
        this.#count = 0
        this.hasList = true
      }
    } else if (byte === code.close || byte === code.end) {
      if (isEntryDepth) this.#inside = 0
      this.#depth--
    }
  }

  #stepInText(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false
    else if (byte === code.backslash) this.#isEscaped = true
    else if (byte === code.quote) {
      this.#isInText = false
      if (this.#keyStart < 0) return
      this.#key = this.#buffer.toString('utf8', this.#keyStart + 1, this.#at)
      this.#keyStart = -1
    }
  }

  *#finish(to: number): Generator<Entry> {
    if (this.#start < 0) return
    this.#count++
    yield parse(
      this.#count,
      this.#buffer.subarray(this.#start, to),
      this.#lists === null ? undefined : this.#key,
    )
    this.#start = -1
  }
}

const noObjectWith = (lists: readonly string[]) =>
  new CommandError(
    `The file must be a JSON object with ${lists.join(', ')}, such as { "${lists[0]}": […] }, and no JSON lines.`,
  )

/**
 * The entries of a list, or of the named lists of one object.
 * @throws CommandError after the last whole entry, where the document ends in the middle of one, and where it has no such list
 */
async function* listsOf(bytes: Bytes, lists: ReadonlySet<string> | null): AsyncGenerator<Entry> {
  const scanner = new ListScanner(lists)
  for await (const piece of bytes) yield* scanner.scan(piece)
  if (!scanner.isComplete)
    throw new CommandError('The file is not valid JSON: it ends in the middle. What came before was read.')
  // Of several lists some may be missing; their reader looks.
  if (lists?.size === 1 && !scanner.hasList) throw noObjectWith([...lists])
}

/** @returns the first character that is not blank (empty: there is none), and all bytes */
export async function peek(bytes: Bytes): Promise<{ first: string; all: Bytes }> {
  const iterator = bytes[Symbol.asyncIterator]()
  const held: Buffer[] = []
  let first = ''
  while (first === '') {
    const { value, done } = await iterator.next()
    if (done) break
    held.push(value)
    first = value.toString('latin1').trimStart().charAt(0)
  }
  async function* all(): AsyncGenerator<Buffer> {
    yield* held
    yield* { [Symbol.asyncIterator]: () => iterator }
  }
  return { first, all: all() }
}

/** The entries of JSON lines or of a list, whichever the file is. */
export async function* entriesOf(bytes: Bytes): AsyncGenerator<Entry> {
  const { first, all } = await peek(bytes)
  yield* first === '[' ? listsOf(all, null) : linesOf(all)
}

/**
 * The entries of the named lists of a document that is one object.
 * @throws CommandError where the file is none
 */
export async function* namedEntriesOf(bytes: Bytes, ...lists: readonly string[]): AsyncGenerator<Entry> {
  const { first, all } = await peek(bytes)
  if (first !== '{') throw noObjectWith(lists)
  yield* listsOf(all, new Set(lists))
}
