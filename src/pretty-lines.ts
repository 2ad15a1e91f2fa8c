// Log lines for a person at a terminal: the facts of the JSON line in fewer signs. It is made from the finished line, so
// what is censored there is censored here.

const colors: Record<string, number> = { fatal: 41, error: 31, warn: 33, info: 32, debug: 36, trace: 90 }

/** What could move the cursor, colour or forge another line is shown as an escape. */
const plain = (text: string) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
  text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (char) =>
    JSON.stringify(char)
      .slice(1, -1)
      .replace(/^[^\\]$/, '?'),
  )

function shown(value: unknown): string {
  if (typeof value !== 'string') return plain(JSON.stringify(value) ?? '')
  return /^[^\s"=]+$/.test(value) ? plain(value) : plain(JSON.stringify(value))
}

interface ShownError {
  readonly type?: string
  readonly errorCode?: string
  readonly constraint?: string
  readonly message?: string
  readonly stack?: string
  readonly cause?: ShownError
}

/** An error on lines of its own, with what caused it. */
function ofError({ type, errorCode, constraint, message = '', stack = '', cause }: ShownError): string {
  const what = [type, errorCode, constraint, message].filter(Boolean).map((part) => plain(String(part)))
  const frames = stack.split('\n').filter(Boolean)
  return `\n    ${what.join(' ')}${frames.map((frame) => `\n    ${plain(frame)}`).join('')}${cause ? ofError(cause) : ''}`
}

/**
 * One line of JSON as a person reads it, with the line break. `color`: with colours for a terminal. What is no JSON is
 * returned as it is.
 */
export function prettyLine(json: string, color: boolean): string {
  let line: Record<string, unknown>
  try {
    line = JSON.parse(json)
  } catch {
    return json
  }
  const { time, level, msg, err, method, route, status, ms, ...facts } = line
  const paint = (code: number, text: string) => (color ? `\u001b[${code}m${text}\u001b[0m` : text)
  const name = String(level)
  // The line of a request is its request.
  const said =
    msg === 'answered'
      ? [method, route ?? '(no route)', status, `${ms} ms`].map((part) => plain(String(part))).join(' ')
      : plain(String(msg ?? ''))
  const rest = Object.entries(facts).map(([key, value]) => paint(90, `${plain(key)}=`) + shown(value))
  const clock = new Date(String(time))
  const at = Number.isNaN(clock.getTime()) ? '' : clock.toTimeString().slice(0, 8)
  const others = { ...(msg === 'answered' ? {} : { method, route, status, ms }) }
  for (const [key, value] of Object.entries(others))
    if (value !== undefined) rest.push(paint(90, `${key}=`) + shown(value))
  return `${[paint(90, at), paint(colors[name] ?? 0, name.padEnd(5)), said, ...rest].join(' ')}${err ? ofError(err as ShownError) : ''}\n`
}
