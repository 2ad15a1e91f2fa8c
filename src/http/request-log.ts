// The logger of one request, created when the first line is logged: few requests log, and creating a logger costs more than
// authenticating the user.
import type { FastifyBaseLogger, FastifyServerOptions } from 'fastify'

type Factory = NonNullable<FastifyServerOptions['childLoggerFactory']>

class RequestLog {
  readonly #create: () => FastifyBaseLogger
  #created: FastifyBaseLogger | undefined

  constructor(create: () => FastifyBaseLogger) {
    this.#create = create
  }

  get own(): FastifyBaseLogger {
    this.#created ??= this.#create()
    return this.#created
  }

  get level(): string {
    return this.own.level
  }
  set level(level: string) {
    this.own.level = level
  }

  silent(): void {}
  child(...settings: Parameters<FastifyBaseLogger['child']>): FastifyBaseLogger {
    return this.own.child(...settings)
  }
}

for (const level of ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const)
  Object.defineProperty(RequestLog.prototype, level, {
    value(this: RequestLog, ...words: [never, ...never[]]) {
      this.own[level](...words)
    },
  })

/** Creates the logger of each request. @see Fastify's childLoggerFactory */
export const requestLog: Factory = (parent, bindings, options) =>
  new RequestLog(() => parent.child(bindings, options)) as unknown as FastifyBaseLogger
