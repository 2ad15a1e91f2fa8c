// How the text of an environment variable becomes a value, and the sentence that refuses any other text.
import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import ipaddr from 'ipaddr.js'
import { DatabaseUrlError, readDatabaseUrl } from '../database-url/read.ts'
import { isMailbox, isUuid } from '../formats.ts'

export interface Parser<T> {
  /** @returns the value; undefined where the text is not allowed */
  readonly parse: (text: string) => T | undefined
  /** Completes "NAME …." or "NAME: …." where the text is not allowed. It names the allowed values and never repeats the text. */
  readonly must: string | ((text: string) => string)
}

/** The entries of a comma-separated list, trimmed, without empty ones. */
const list = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean)

/** A text that is kept as it was written. */
const textThat = (must: string, isAllowed: (text: string) => boolean): Parser<string> => ({
  parse: (text) => (isAllowed(text) ? text : undefined),
  must,
})

const matching = (pattern: RegExp, must: string) => textThat(must, (text) => pattern.test(text))

/** Any text. An empty variable counts as unset and reaches no parser. */
export const anyText = textThat('must not be empty', () => true)

const oneOfTwo = (yes: string, no: string): Parser<boolean> => ({
  parse: (text) => (text === yes ? true : text === no ? false : undefined),
  must: `must be ${yes} or ${no}`,
})

export const trueOrFalse = oneOfTwo('true', 'false')
export const onOrOff = oneOfTwo('on', 'off')

/** One of a closed list of texts. */
export const oneOf = <const T extends string>(
  values: readonly T[],
  must = `must be one of ${values.join(', ')}`,
): Parser<T> => ({ parse: (text) => values.find((value) => value === text), must })

/** Several of a closed list, in the order of that list. @param none the text for none of them */
export const someOf = <T extends string>(
  values: readonly T[],
  none: 'empty' | 'off',
): Parser<readonly T[]> => ({
  parse: (text) => {
    const named = text === none ? [] : list(text)
    const chosen = values.filter((value) => named.includes(value))
    return named.every((name) => chosen.some((value) => value === name)) ? chosen : undefined
  },
  must: `must be a list of ${values.join(', ')}, or ${none} for none`,
})

/** A whole number in decimal digits. */
export const wholeNumber = (least: number, most: number, must: string): Parser<number> => ({
  parse: (text) =>
    /^\d{1,6}$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined,
  must,
})

export const ratio: Parser<number> = {
  parse: (text) => (/^(?:0|1|0?\.\d{1,9}|1\.0+)$/.test(text) ? Number(text) : undefined),
  must: 'must be a number from 0 to 1',
}

const processes = wholeNumber(
  1,
  256,
  'must be a number of processes from 1 to 256, or "auto" for one on each core',
)
/** A number of processes; `auto` is the number of cores. */
export const processesOrAuto: Parser<number> = {
  ...processes,
  parse: (text) => (text === 'auto' ? availableParallelism() : processes.parse(text)),
}

/** A URL, kept as it was written. @param example completes "must be a URL such as …" */
export const url = (protocol: RegExp, example: string) =>
  textThat(
    `must be a URL such as ${example}`,
    (text) => URL.canParse(text) && protocol.test(new URL(text).protocol),
  )

/** The URL of a PostgreSQL, kept as it was written; every setting in it is known. */
export const databaseUrl: Parser<string> = {
  parse: (text) => (databaseUrlProblem(text) === null ? text : undefined),
  must: (text) => databaseUrlProblem(text) ?? '',
}

function databaseUrlProblem(text: string): string | null {
  try {
    readDatabaseUrl(text)
    return null
  } catch (error) {
    if (!(error instanceof DatabaseUrlError)) throw error
    return error.message
  }
}

/** A schema of PostgreSQL, by a name that needs no quotes. */
export const schemaName: Parser<string> = matching(
  /^(?!pg_)[a-z_][a-z0-9_]{0,62}$/,
  'must be the name of a schema in small letters, digits and _',
)

/** Where the service is reached: a URL of http or https, with a path where a proxy serves it below one. */
export const publicAddress: Parser<URL> = {
  parse: (text) => {
    if (!URL.canParse(text)) return undefined
    const parsed = new URL(text)
    const isPlain = /^https?:$/.test(parsed.protocol) && !/[?#@]/.test(text)
    return isPlain && /^(?:\/[\w.~-]+)*\/?$/.test(parsed.pathname) ? parsed : undefined
  },
  must: 'must be where people reach the service, such as https://auth.example.com or https://example.com/auth, without a query',
}

/** Addresses and CIDR ranges, IPv4 or IPv6. */
export const proxies: Parser<readonly string[]> = {
  parse: (text) => {
    const entries = list(text)
    // ipaddr.js alone would take `10/8` for 0.0.0.10/8.
    const isRange = (entry: string) => ipaddr.isValidCIDR(entry) && isIP(entry.replace(/\/.*/, '')) !== 0
    return entries.every((entry) => isIP(entry) !== 0 || isRange(entry)) ? entries : undefined
  },
  must: 'must be a list of addresses or ranges such as 10.0.0.0/8, 127.0.0.1',
}

export const secret = textThat(
  'must have at least 32 bytes; make one with: openssl rand -base64 48',
  (text) => Buffer.byteLength(text) >= 32,
)

export const projectId: Parser<string> = {
  parse: (text) => (isUuid(text) ? text.toLowerCase() : undefined),
  must: 'must be the UUID of a project',
}

export const projectIdOrNone: Parser<string> = {
  parse: (text) => (text === 'none' ? text : projectId.parse(text)),
  must: 'must be the UUID of a project, or "none" to demand the header project-id',
}

/** A cookie's name (a token of RFC 9110 §5.6.2). */
export const cookieName = matching(
  /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/,
  'must be the name of a cookie: up to 64 letters, digits and signs such as _ or -',
)

/** A bearer token (RFC 6750 §2.1). */
export const bearerToken = matching(
  /^[A-Za-z0-9._~+/-]{16,}=*$/,
  'must have at least 16 characters of A-Z a-z 0-9 . _ ~ + / -; make one with: openssl rand -hex 24',
)

/** A sender: a mailbox with or without a display name. */
export const sender = matching(
  /^(?:[^<>\r\n]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+)$/,
  'must be an address such as "Example <no-reply@example.com>"',
)

/** The address of an account. */
export const mailbox = textThat(
  'must be an e-mail address such as ada@example.com',
  (text) => isMailbox(text) && text.trim() === text,
)

/** Text of a length that is counted in characters (code points). */
export const characters = (least: number, most: number, must: string) =>
  textThat(must, (text) => [...text].length >= least && [...text].length <= most)

/** Headers as OTEL_EXPORTER_OTLP_HEADERS spells them: name=value pairs, values percent-encoded. */
export const headers: Parser<Readonly<Record<string, string>>> = {
  parse: (text) => {
    const found = list(text).map((pair) => /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) *= *([\x20-\x7e]*)$/.exec(pair))
    if (found.includes(null)) return undefined
    try {
      return Object.fromEntries(found.map((pair) => [pair?.[1] ?? '', decodeURIComponent(pair?.[2] ?? '')]))
    } catch {
      // A broken percent-encoding is a value that is not allowed.
      return undefined
    }
  },
  must: 'must be a list such as name=value,other=value',
}
