// The device in a User-Agent header, in words for the owner of an account. For display only: clients choose the header.
import Bowser from 'bowser'

interface Device {
  /** The name without a version; null where the header has none. */
  readonly browser: string | null
  readonly os: string | null
  readonly kind: (typeof kinds)[number] | 'other'
}

/** The size of the cache; the oldest entry is evicted first. A list of sessions repeats a few agents. */
const capacity = 1000
/** The length of an agent that is parsed and stored; the header may be longer. */
const agentLength = 512
/** The maximum length of a shown name. */
const nameLength = 64

const kinds = ['desktop', 'mobile', 'tablet', 'bot'] as const
const unknown: Device = { browser: null, os: null, kind: 'other' }
const cache = new Map<string, Device>()

/** Reads a User-Agent; any text gives an answer. */
export function deviceOf(header: string | null): Device {
  if (!header) return unknown
  const userAgent = header.slice(0, agentLength)
  const known = cache.get(userAgent)
  if (known) return known
  const { browser, os, platform } = Bowser.parse(userAgent)
  const device: Device = {
    browser: browser.name?.slice(0, nameLength) || null,
    os: os.name?.slice(0, nameLength) || null,
    kind: kinds.find((kind) => kind === platform.type) ?? 'other',
  }
  if (cache.size >= capacity) cache.delete(cache.keys().next().value ?? '')
  cache.set(userAgent, device)
  return device
}

/** Reads a User-Agent into words for a mail, such as "Firefox on Linux"; empty where it names nothing. */
export function deviceWords(userAgent: string | null): string {
  const { browser, os } = deviceOf(userAgent)
  return browser && os ? `${browser} on ${os}` : (browser ?? os ?? '')
}
