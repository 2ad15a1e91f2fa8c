// The device behind a User-Agent header, in words for the owner of an account. A guess, never a proof.
import Bowser from 'bowser'

export interface Device {
  /** Its name without a version; null where the header does not tell. */
  readonly browser: string | null
  readonly os: string | null
  readonly kind: 'desktop' | 'mobile' | 'tablet' | 'bot' | 'other'
}

/** Agents remembered; the oldest leaves first. A list of sessions repeats a few of them over and over. */
const capacity = 1000
/** Characters of an agent that are looked at: as many as are kept, and the header may be far longer. */
const agentLength = 512
/** Longer than any name that means something. */
const nameLength = 64

const kinds = new Set<string>(['desktop', 'mobile', 'tablet', 'bot'])
const unknown: Device = { browser: null, os: null, kind: 'other' }
const memo = new Map<string, Device>()

function parse(userAgent: string): Device {
  const { browser, os, platform } = Bowser.parse(userAgent)
  const { type = '' } = platform
  return {
    browser: browser.name?.slice(0, nameLength) || null,
    os: os.name?.slice(0, nameLength) || null,
    kind: kinds.has(type) ? (type as Device['kind']) : 'other',
  }
}

/** Reads a User-Agent; whatever it holds, there is an answer. */
export function deviceOf(header: string | null): Device {
  if (!header) return unknown
  const userAgent = header.slice(0, agentLength)
  const known = memo.get(userAgent)
  if (known) return known
  const device = parse(userAgent)
  if (memo.size >= capacity) memo.delete(memo.keys().next().value ?? '')
  memo.set(userAgent, device)
  return device
}

/** The same in words for a mail: "Firefox on Linux"; empty where nothing is known. */
export function deviceWords(userAgent: string | null): string {
  const { browser, os } = deviceOf(userAgent)
  return browser && os ? `${browser} on ${os}` : (browser ?? os ?? '')
}
