// Numbers in a JSON text that a double cannot represent (RFC 7493 §2.2): parsing would change them.

/** Whether a text may have a number; most bodies have none and are not scanned. */
const mayHoldNumber = /[:[,]\s*-?\d|^\s*-?\d/

/** A string, a number, or a sign of JSON's structure. */
const part = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|[{}[\]:]/g

/** The digits of a decimal without leading and trailing zeros, and its exponent: equal for equal numbers. */
function canonical(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const kept = digits.replace(/0+$/, '')
  if (kept === '') return '0'
  return `${sign}${kept}e${Number(exponent) - fraction.length + digits.length - kept.length}`
}

/** Whether parsing changes a number of a valid JSON text. */
function changes(text: string): boolean {
  const value = Number(text)
  if (!Number.isFinite(value)) return true
  if (/^-?\d+$/.test(text)) return !Number.isSafeInteger(value)
  return canonical(text) !== canonical(String(value))
}

/**
 * Finds numbers that parsing changes.
 * @param text valid JSON
 * @returns the names of the outermost members that hold one; `body` where the text is no object
 */
export function changedNumbers(text: string): string[] {
  if (!mayHoldNumber.test(text)) return []
  const found = new Set<string>()
  let depth = 0
  let member = 'body'
  let string = ''
  for (const [token] of text.matchAll(part)) {
    if (token === '{' || token === '[') depth++
    else if (token === '}' || token === ']') depth--
    else if (token === ':') {
      if (depth === 1) member = JSON.parse(string) as string
    } else if (token.startsWith('"')) string = token
    else if (changes(token)) found.add(member)
  }
  return [...found]
}
