// The load generator: a separate process that sends HTTP/1.1 over a few sockets and checks the status of every answer. It parses
// as little as possible, so that the server is measured and not the client.
import { connect, type Socket } from 'node:net'
import { createAuthenticator, type KeptKey, type SoftKey } from '../support/authenticator.ts'

/** A signed-in user with the current tokens. */
export interface Visitor {
  email: string
  access: string
  refresh: string
  apiKey: string
  /** Cookies of better-auth. */
  cookie?: string
  passkey?: KeptKey
}

export type Kind =
  | 'me'
  | 'me by cookie'
  | 'me by key'
  | 'introspect'
  | 'introspect key'
  | 'refresh'
  | 'refresh by cookie'
  | 'login'
  | 'passkey options'
  | 'passkey'
  | 'signup'
  | 'logout'
  | 'constant'
  | 'peer join'
  | 'peer login'
  | 'peer signup'
  | 'peer session'

export interface Plan {
  readonly port: number
  readonly projectId: string
  readonly projectSecret: string
  readonly password: string
  /** Path prefix of the routes. */
  readonly prefix: string
  readonly kind: Kind
  readonly connections: number
  /** Ends after this time, or after one request of each visitor. */
  readonly seconds: number | 'once each'
  /** Milliseconds that a connection pauses after each answer; 0: it sends the next request at once. */
  readonly restMs?: number
  /**
   * Never sleeps: otherwise each answer wakes this process, which on a virtual machine costs the sender 10 to 15 µs. Not for
   * plans in which the database needs this core.
   */
  readonly awake?: boolean
  /** Uses another loopback address for each connection, if the system has several. */
  readonly manyAddresses?: boolean
}

export interface Outcome {
  readonly requests: number
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly failures: readonly string[]
}

/** A measurement of revocations between two instances; the plan is for the instance that ends the sessions. */
export interface Revocation extends Plan {
  readonly otherPort: number
  readonly times: number
}

export type ToLoad = { revocation: Revocation } | { crowd: Visitor[] } | { plan: Plan } | { stop: true }
export type FromLoad = { lags: number[] } | { ready: true } | { outcome: Outcome }

interface Answer {
  readonly status: number
  readonly headers: string
  readonly body: string
}

/** One keep-alive connection; one request at a time. */
class Connection {
  readonly #socket: Socket
  #buffer = ''
  #settle: { resolve(answer: Answer): void; reject(error: Error): void } | null = null

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => this.#read(text))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the server closed the connection')))
  }

  static open(port: number, localAddress: string | undefined): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const from = localAddress === undefined ? {} : { localAddress }
      const socket = connect({ port, host: '127.0.0.1', noDelay: true, ...from })
      socket.once('connect', () => resolve(new Connection(socket))).once('error', reject)
    })
  }

  send(request: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
      this.#socket.write(request, 'latin1')
    })
  }

  close(): void {
    this.#settle = null
    this.#socket.destroy()
  }

  #read(text: string): void {
    this.#buffer += text
    const head = this.#buffer.indexOf('\r\n\r\n')
    if (head < 0) return
    const headers = this.#buffer.slice(0, head + 2)
    const length = /\r\ncontent-length: *(\d+)/i.exec(headers)?.[1]
    // Chunked bodies are not used, whether they have one chunk or many.
    const last = length === undefined ? this.#buffer.indexOf('0\r\n\r\n', head + 4) : -1
    const isEmpty = headers.startsWith('HTTP/1.1 204')
    if (length === undefined && last < 0 && !isEmpty) return
    const end = isEmpty ? head + 4 : length === undefined ? last + 5 : head + 4 + Number(length)
    if (this.#buffer.length < end) return
    const status = Number(this.#buffer.slice(9, 12))
    const answer = { status, headers, body: this.#buffer.slice(head + 4, end) }
    this.#buffer = this.#buffer.slice(end)
    const settle = this.#settle
    this.#settle = null
    settle?.resolve(answer)
  }

  #fail(error: Error): void {
    this.#settle?.reject(error)
    this.#settle = null
  }
}

let crowd: Visitor[] = []

/** The origin of the service's PUBLIC_URL; its port is not the measured one. */
const authenticator = createAuthenticator({ origin: 'http://127.0.0.1:3000' })
const softKeys = new Map<string, SoftKey>()
function softKeyOf({ passkey, email }: Visitor): SoftKey {
  const known = softKeys.get(email)
  if (known) return known
  if (!passkey) throw new Error('This visitor has no passkey.')
  const key = authenticator.restore(passkey)
  softKeys.set(email, key)
  return key
}

/** The body of a sign-in by passkey, from the service's options. */
function answerTo(options: string, visitor: Visitor): string {
  const { flow, options: asked } = JSON.parse(options) as {
    flow: string
    options: Parameters<SoftKey['get']>[0]
  }
  return JSON.stringify({ flow, credential: softKeyOf(visitor).get(asked) })
}

let newcomers = 0
/** A new address. */
const newcomer = () => `new-${process.pid}-${Date.now().toString(36)}-${++newcomers}@example.com`

/** Requests to better-auth. */
function peerRequestOf({ kind, port, password }: Plan, { email, cookie }: Visitor): string {
  const origin = `127.0.0.1:${port}`
  if (kind === 'peer session')
    return `GET /api/auth/get-session HTTP/1.1\r\nHost: ${origin}\r\nCookie: ${cookie}\r\n\r\n`
  const [path, body] =
    kind === 'peer login'
      ? ['sign-in', JSON.stringify({ email, password })]
      : [
          'sign-up',
          JSON.stringify({ email: kind === 'peer join' ? email : newcomer(), password, name: 'New' }),
        ]
  return `POST /api/auth/${path}/email HTTP/1.1\r\nHost: ${origin}\r\nOrigin: http://${origin}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

const cookiesOf = (headers: string) =>
  [...headers.matchAll(/\r\nset-cookie: *([^;\r]+)/gi)].map(([, pair]) => pair).join('; ')
/** Expected statuses other than 200. */
const promised: Partial<Record<Kind, number>> = { signup: 201 }

/** @param options the service's answer to `passkey options`, for a sign-in by passkey */
function requestOf(plan: Plan, visitor: Visitor, options = ''): string {
  const { kind, prefix, projectId } = plan
  if (kind.startsWith('peer ')) return peerRequestOf(plan, visitor)
  const shared = `Host: 127.0.0.1:${plan.port}\r\nproject-id: ${projectId}\r\n`
  if (kind === 'constant') return `GET ${prefix}/constant HTTP/1.1\r\n${shared}\r\n`
  if (kind === 'me')
    return `GET ${prefix}/me HTTP/1.1\r\n${shared}Authorization: Bearer ${visitor.access}\r\n\r\n`
  if (kind === 'refresh by cookie')
    return `POST ${prefix}/refresh HTTP/1.1\r\n${shared}Cookie: nodeloom_session=${visitor.access}\r\nContent-Length: 0\r\n\r\n`
  if (kind === 'me by cookie')
    return `GET ${prefix}/me HTTP/1.1\r\n${shared}Cookie: sallyport_access_${projectId}=${visitor.access}\r\n\r\n`
  if (kind === 'me by key')
    return `GET ${prefix}/me HTTP/1.1\r\n${shared}x-api-key: ${visitor.apiKey}\r\n\r\n`
  if (kind === 'introspect' || kind === 'introspect key') {
    const form = `token=${kind === 'introspect' ? visitor.access : visitor.apiKey}`
    const type = `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${form.length}`
    return `POST ${prefix}/introspect HTTP/1.1\r\n${shared}project-secret: ${plan.projectSecret}\r\n${type}\r\n\r\n${form}`
  }
  if (kind === 'logout')
    return `POST ${prefix}/logout HTTP/1.1\r\n${shared}Authorization: Bearer ${visitor.access}\r\nContent-Length: 0\r\n\r\n`
  if (kind === 'passkey options')
    return `POST ${prefix}/passkeys/sign-in-options HTTP/1.1\r\n${shared}Content-Length: 0\r\n\r\n`
  if (kind === 'passkey') {
    const answer = answerTo(options, visitor)
    return `POST ${prefix}/login/passkey HTTP/1.1\r\n${shared}Content-Type: application/json\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`
  }
  const body = JSON.stringify(
    kind === 'refresh'
      ? { refresh_token: visitor.refresh }
      : { email: kind === 'signup' ? newcomer() : visitor.email, password: plan.password },
  )
  return `POST ${prefix}/${kind} HTTP/1.1\r\n${shared}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

async function run(plan: Plan): Promise<Outcome> {
  let running = plan.awake === true
  const stayAwake = () => running && setImmediate(stayAwake)
  stayAwake()
  const latencies: number[] = []
  const failures: string[] = []
  const begun = performance.now()
  const until = plan.seconds === 'once each' ? Number.POSITIVE_INFINITY : begun + plan.seconds * 1000

  // Each connection has its own visitors, so that no two requests present the same refresh token.
  async function visit(offset: number): Promise<void> {
    const apart = plan.manyAddresses && process.platform === 'linux'
    const connection = await Connection.open(plan.port, apart ? `127.0.1.${1 + (offset % 250)}` : undefined)
    try {
      for (let at = offset; performance.now() < until && failures.length === 0; at += plan.connections) {
        if (at >= crowd.length) {
          if (plan.seconds === 'once each') break
          at = offset
        }
        const visitor = crowd[at]
        if (!visitor) break
        const sent = performance.now()
        // A sign-in by passkey is two requests, and is counted as one.
        const options =
          plan.kind === 'passkey'
            ? (await connection.send(requestOf({ ...plan, kind: 'passkey options' }, visitor))).body
            : undefined
        const { status, headers, body } = await connection.send(requestOf(plan, visitor, options))
        latencies.push(performance.now() - sent)
        const isDead = plan.kind.startsWith('introspect') && !body.startsWith('{"active":true')
        const isNobody = plan.kind === 'peer session' && !body.includes('"session"')
        if (status !== (promised[plan.kind] ?? 200) || isDead || isNobody)
          failures.push(`${plan.kind} answered ${status}: ${body.slice(0, 200)}`)
        else if (plan.kind === 'refresh') {
          const tokens = JSON.parse(body) as { access_token: string; refresh_token: string }
          visitor.access = tokens.access_token
          visitor.refresh = tokens.refresh_token
        } else if (plan.kind === 'login')
          visitor.access = (JSON.parse(body) as { access_token: string }).access_token
        else if (plan.kind === 'peer login') visitor.cookie = cookiesOf(headers)
        if (plan.restMs) await new Promise((resolve) => setTimeout(resolve, plan.restMs))
      }
    } catch (error) {
      failures.push(`${plan.kind}: ${(error as Error).message}`)
    } finally {
      connection.close()
    }
  }

  await Promise.all(Array.from({ length: plan.connections }, (_, offset) => visit(offset)))
  const seconds = (performance.now() - begun) / 1000
  running = false
  latencies.sort((a, b) => a - b)
  const quantile = (part: number) => latencies[Math.floor(latencies.length * part)] ?? Number.NaN
  return {
    requests: latencies.length,
    perSecond: latencies.length / seconds,
    p50: quantile(0.5),
    p99: quantile(0.99),
    failures,
  }
}

/**
 * Ends sessions at one instance, one after another, and sends their tokens to the other until it refuses. The result is the
 * milliseconds from each acknowledgement to the sending of the last accepted request (0: none was accepted).
 */
async function revoke({ otherPort, times, ...plan }: Revocation): Promise<number[]> {
  const [one, other] = [
    await Connection.open(plan.port, undefined),
    await Connection.open(otherPort, undefined),
  ]
  const ask = (visitor: Visitor) => other.send(requestOf({ ...plan, port: otherPort, kind: 'me' }, visitor))
  const lags: number[] = []
  for (const visitor of crowd.slice(-times)) {
    // After two requests the other instance has cached the session.
    for (let seen = 0; seen < 3; seen++)
      if ((await ask(visitor)).status !== 200) throw new Error('A living session was refused.')
    const ended = await one.send(requestOf(plan, visitor))
    if (ended.status !== 200) throw new Error(`logout answered ${ended.status}: ${ended.body.slice(0, 200)}`)
    const acknowledged = performance.now()
    let accepted = acknowledged
    for (;;) {
      const sent = performance.now()
      if ((await ask(visitor)).status === 401) break
      if (sent - acknowledged > 10_000) throw new Error('A revoked session is still accepted.')
      accepted = sent
    }
    lags.push(accepted - acknowledged)
  }
  one.close()
  other.close()
  return lags
}

process.on('message', async (message: ToLoad) => {
  if ('stop' in message) process.exit(0)
  if ('crowd' in message) {
    crowd = message.crowd
    process.send?.({ ready: true } satisfies FromLoad)
  } else if ('revocation' in message)
    process.send?.({ lags: await revoke(message.revocation) } satisfies FromLoad)
  else process.send?.({ outcome: await run(message.plan) } satisfies FromLoad)
})
// Ends when the bench has ended.
process.on('disconnect', () => process.exit(0))
