// Shortens secrets and long strings in recorded bodies.

const secret =
  /^(?:.*password|.*_token|secret|otpauth_uri|challenge|flow|recovery_codes|plain_text_key|clientDataJSON|attestationObject|authenticatorData|signature|publicKey|qr_svg)$/
const longest = 80

function shortened(name: string, value: string): string {
  if (/password$/.test(name)) return '•'.repeat(8)
  if (/^code$/.test(name)) return /^\d{6}$|^\w{4}-\w{4}/.test(value) ? `${value.slice(0, 2)}…` : value
  if (secret.test(name)) return `${value.slice(0, 6)}…`
  return value.length > longest ? `${value.slice(0, longest)}…` : value
}

/** Returns a copy of a JSON value with shortened secrets. @param name of the member that has the value */
export function shorten(value: unknown, name = ''): unknown {
  if (typeof value === 'string') return shortened(name, value)
  if (Array.isArray(value)) return value.map((each) => shorten(each, name))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shorten(each, key)]))
}
