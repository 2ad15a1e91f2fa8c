// The logger of one request, made when somebody writes to it: few requests do, and making one costs more than recognising
// its user.
import type { FastifyBaseLogger, FastifyServerOptions } from 'fastify'

type Factory = NonNullable<FastifyServerOptions['childLoggerFactory']>
type Bindings = Parameters<Factory>[1]
type Options = Parameters<Factory>[2]

class RequestLog {
  readonly #parent: FastifyBaseLogger
  readonly #bindings: Bindings
  readonly #options: Options
  #made: FastifyBaseLogger | undefined

  constructor(parent: FastifyBaseLogger, bindings: Bindings, options: Options) {
    this.#parent = parent
    this.#bindings = bindings
    this.#options = options
  }

  get #own(): FastifyBaseLogger {
    this.#made ??= this.#parent.child(this.#bindings, this.#options)
    return this.#made
  }

  get level(): string {
    return this.#own.level
  }
  set level(level: string) {
    this.#own.level = level
  }

  fatal(...words: [never, ...never[]]): void {
    this.#own.fatal(...words)
  }
  error(...words: [never, ...never[]]): void {
    this.#own.error(...words)
  }
  warn(...words: [never, ...never[]]): void {
    this.#own.warn(...words)
  }
  info(...words: [never, ...never[]]): void {
    this.#own.info(...words)
  }
  debug(...words: [never, ...never[]]): void {
    this.#own.debug(...words)
  }
  trace(...words: [never, ...never[]]): void {
    this.#own.trace(...words)
  }
  silent(): void {}
  child(bindings: Bindings, options?: Options): FastifyBaseLogger {
    return this.#own.child(bindings, options)
  }
}

/** What Fastify makes the logger of each request with. @see Fastify's childLoggerFactory */
export const requestLog: Factory = (parent, bindings, options) =>
  new RequestLog(parent, bindings, options) as unknown as FastifyBaseLogger
