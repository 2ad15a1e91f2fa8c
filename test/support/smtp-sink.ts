// An SMTP server on 127.0.0.1 that records the Message-ID of every accepted mail, and can be stopped and restarted.
import { createServer, type Server, type Socket } from 'node:net'

export interface SmtpSink {
  readonly url: string
  /** Message-IDs in the order of acceptance, without brackets and host; a mail that was accepted twice is listed twice. */
  readonly accepted: string[]
  /** The number of connections so far. */
  readonly connections: number
  /** Closes every connection and stops listening. Every recorded mail has been answered. */
  die(): void
  /** Stops as soon as `count` mails are accepted in total. */
  dieAt(count: number): Promise<void>
  revive(): Promise<void>
  close(): Promise<void>
}

/** Listens on a free port. `delayMs`: between the end of a mail and its answer. */
export async function startSmtpSink({ delayMs = 0 } = {}): Promise<SmtpSink> {
  const accepted: string[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  let server: Server | undefined
  let port = 0
  let deadline: { count: number; reached: () => void } | null = null

  function accept(socket: Socket, mail: string): void {
    if (socket.destroyed || !sockets.has(socket)) return
    // The answer is written to the socket before the mail is recorded.
    socket.write('250 accepted\r\n')
    accepted.push(/^message-id:\s*<([^@>]*)/im.exec(mail)?.[1] ?? '')
    if (!deadline || accepted.length < deadline.count) return
    die()
    deadline.reached()
    deadline = null
  }

  function converse(socket: Socket): void {
    connections++
    sockets.add(socket)
    socket.setNoDelay(true).on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    let text = ''
    let inMail = false
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
      for (;;) {
        const end = inMail ? text.indexOf('\r\n.\r\n') : text.indexOf('\r\n')
        if (end < 0) return
        const said = text.slice(0, end)
        text = text.slice(end + (inMail ? 5 : 2))
        if (inMail) {
          inMail = false
          if (delayMs > 0) setTimeout(accept, delayMs, socket, said)
          else accept(socket, said)
        } else if (/^DATA/i.test(said)) {
          inMail = true
          socket.write('354 go on\r\n')
        } else if (/^QUIT/i.test(said)) socket.end('221 bye\r\n')
        else socket.write('250 fine\r\n')
      }
    })
    socket.write('220 sink\r\n')
  }

  function die(): void {
    server?.close()
    server = undefined
    // Ended, not reset: written answers still arrive, and clients without one see the connection close.
    for (const socket of sockets) {
      sockets.delete(socket)
      socket.removeAllListeners('data')
      socket.end(() => socket.destroy())
    }
  }

  function listen(): Promise<void> {
    const made = createServer(converse)
    server = made
    return new Promise((resolve, reject) => {
      made.once('error', reject).listen(port, '127.0.0.1', () => {
        const address = made.address()
        port = typeof address === 'object' && address ? address.port : 0
        resolve()
      })
    })
  }

  await listen()
  return {
    url: `smtp://127.0.0.1:${port}`,
    accepted,
    get connections() {
      return connections
    },
    die,
    dieAt: (count) =>
      new Promise((reached) => {
        deadline = { count, reached }
      }),
    revive: listen,
    async close() {
      die()
    },
  }
}
