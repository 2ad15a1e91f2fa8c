// The addresses that a policy lists: their comparison with requested ones, and the check of their entries.

/** Schemes that execute code, read files or belong to other services, so that they are no address of an application. */
const foreignSchemes = new Set(
  'about blob content data file filesystem ftp intent javascript mailto sms tel vbscript view-source ws wss'.split(
    ' ',
  ),
)

/** Scheme, authority (undefined: none) and path of a URL, as it is written. */
const shape = /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/([^/?#]*))?([^?#]*)/

/** Whether a path has a dot segment, which the URL standard removes, or an encoded separator, which some servers decode. */
const hidesSegments = (path: string) =>
  path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment)) || /%2f|%5c/i.test(path)

/**
 * Parses an address for a comparison with a listed one: http, https or an application's own scheme.
 * @returns null for spellings that URL parsers interpret differently: user information, backslashes, white space, dot segments,
 *   encoded separators, an encoded host or one that ends with a dot, a missing `//`
 */
function parseTarget(text: string): URL | null {
  const [, scheme = '', authority, path = ''] = shape.exec(text) ?? []
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (!scheme || !URL.canParse(text) || /[\\\s\x00-\x20\x7f]/.test(text)) return null
  if (foreignSchemes.has(scheme.toLowerCase()) || hidesSegments(path)) return null
  const isWeb = /^https?$/i.test(scheme)
  if (isWeb ? !authority : authority === undefined && !path.startsWith('/')) return null
  if (authority && /[@%]|\.(?::\d*)?$/.test(authority)) return null
  return new URL(text)
}

/** The path segment that a `*` matches. */
const segment = /^[^/?#]+$/

/** Whether `url` equals the listed address, where `*` as the last segment of the path matches any segment. */
function isListed(listed: string, url: URL): boolean {
  const pattern = new URL(listed)
  if (pattern.href === url.href) return !pattern.pathname.endsWith('/*')
  if (!pattern.pathname.endsWith('/*')) return false
  const parent = pattern.pathname.slice(0, -1)
  const { pathname } = url
  if (!pathname.startsWith(parent) || !segment.test(pathname.slice(parent.length))) return false
  pattern.pathname = pathname
  return pattern.href === url.href
}

/**
 * Finds an address on a list of `redirect_urls`. Addresses are compared as a whole, as the URL standard serializes them.
 * @returns null: it is not listed
 */
export function findListed(listed: readonly string[], address: string): URL | null {
  const url = parseTarget(address)
  return url && listed.some((entry) => isListed(entry, url)) ? url : null
}

/** An address with `*` as the whole last segment of its path. */
const lastStar = /^([a-z][a-z0-9+.-]*:(?:\/\/[^/?#]+|(?!\/\/))(?:\/[^?#]*)?)\/\*(?=$|[?#])/i

/**
 * Checks an entry of `redirect_urls`. @returns the problem as a sentence; null: there is none
 * @param text http or https with a host, or an application's scheme; `*` only as the whole last segment of the path
 */
export function redirectProblem(text: string): string | null {
  const withoutStar = text.replace(lastStar, '$1/star')
  if (withoutStar.includes('*')) return 'a * may stand only for the whole last segment of the path.'
  const url = parseTarget(withoutStar)
  if (!url) return 'must be a whole URL without user information, such as https://app.example.com/welcome.'
  const right = url.href.replace(/\/star(?=$|[?#])/, withoutStar === text ? '/star' : '/*')
  const isSame = right === text || (right === `${text}/` && url.pathname === '/')
  return isSame ? null : `write ${JSON.stringify(right)}, as it is compared.`
}

/** The origin of an address as a browser sends it (RFC 6454 §6.2); null: it has none. */
function originIn(text: string): string | null {
  const url = parseTarget(text)
  if (!url?.host) return null
  return /^https?:$/.test(url.protocol) ? url.origin : `${url.protocol}//${url.host}`
}

/**
 * Checks an entry of `origins` or `link_origins`. @returns the problem as a sentence; null: there is none
 * @param appSchemes whether the origin may have an application's own scheme, such as capacitor://localhost
 */
export function originProblem(text: string, appSchemes: boolean): string | null {
  const example = appSchemes ? 'https://app.example.com or capacitor://localhost' : 'https://app.example.com'
  if (text.includes('*')) return `a pattern matches nothing: list each origin, such as ${example}.`
  const right = originIn(text)
  if (right === null || !(appSchemes || /^https?:/.test(right)))
    return `must be an origin such as ${example}.`
  return right === text ? null : `write ${JSON.stringify(right)}, which is what a browser sends.`
}
