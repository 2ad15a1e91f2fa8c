// Sends bytes over a socket, for requests that no HTTP client would send.
import { connect } from 'node:net'

export interface RawAnswer {
  readonly status: number
  readonly headers: Record<string, string>
  /** Parsed JSON if the content type is JSON, else the text. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read bodies of every shape, right or wrong
  readonly body: any
}

function parse(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  )
  const body = text.slice(end + 4)
  const json = /json(?:;|$)/.test(headers['content-type'] ?? '')
  return { status: Number(statusLine.split(' ')[1]), headers, body: json && body ? JSON.parse(body) : body }
}

/** Writes `request` unchanged and reads until the server closes or the body is complete. */
export function sendRaw(url: string, request: string | Uint8Array): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(Number(port), hostname, () => socket.write(request))
    const isWhole = () => {
      const end = text.indexOf('\r\n\r\n')
      const length = /^content-length: *(\d+)/im.exec(text.slice(0, end))?.[1]
      return end > 0 && length !== undefined && text.length - end - 4 >= Number(length)
    }
    const finish = () => {
      socket.destroy()
      if (text.includes('\r\n\r\n')) resolve(parse(text))
      else reject(new Error(`No answer: ${JSON.stringify(text)}`))
    }
    socket.setEncoding('latin1')
    socket.setTimeout(10_000, finish)
    socket.on('data', (chunk: string) => {
      text += chunk
      if (isWhole()) finish()
    })
    socket.on('end', finish)
    // A server that refuses early may reset the connection; the bytes before the reset count.
    socket.on('error', finish)
  })
}

/** An HTTP/1.1 request from its parts; header lines keep their order and spelling. */
export function rawRequest(line: string, headers: readonly string[], body = ''): string {
  const length = body === '' ? [] : [`content-length: ${Buffer.byteLength(body)}`]
  return `${[`${line} HTTP/1.1`, 'host: 127.0.0.1', 'connection: close', ...headers, ...length].join('\r\n')}\r\n\r\n${body}`
}
