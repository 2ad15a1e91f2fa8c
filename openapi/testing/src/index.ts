// @sallyport/testing: a real Sallyport service for the tests of an app, with captured mails and a clock that can be turned.
import { type ClientOptions, createClient, type SallyportClient } from '../sdk/client.js'
import { createInbox, type Inbox } from './inbox.js'
import { SallyportTestingError, startProcess } from './process.js'

export type { ClientOptions, SallyportClient } from '../sdk/client.js'
export type { Inbox, Message, WaitOptions } from './inbox.js'
export { SallyportTestingError } from './process.js'

export interface StartOptions {
  /** The policy of the project, over the defaults, such as `{ verification: { mode: 'strict' } }`. */
  readonly project?: Readonly<Record<string, unknown>>
  /** The port to listen on, where the app must know it beforehand. Default: a free one. */
  readonly port?: number
  /** Variables of the service, such as `{ SOCIAL_SECRET_ACME: '…' }`. */
  readonly env?: Readonly<Record<string, string>>
  /** Milliseconds that the start may take. Default: a minute; the first one on a machine takes some seconds. */
  readonly timeoutMs?: number
}

/** An account to create; what is left out is made up. */
export interface UserFacts {
  readonly email?: string
  /** Null: none. Default: a random one. */
  readonly password?: string | null
  readonly displayName?: string
  readonly firstName?: string
  readonly lastName?: string
  readonly role?: 'user' | 'admin'
  /** Whether the address counts as proven. Default: true. */
  readonly verified?: boolean
}

export interface TestUser {
  readonly id: number
  readonly uuid: string
  readonly email: string
  /** Empty where the account has none. */
  readonly password: string
}

export interface Duration {
  readonly days?: number
  readonly hours?: number
  readonly minutes?: number
  readonly seconds?: number
}

export interface Clock {
  /** Lets time pass for the service at once. It never runs back. @returns the time afterwards */
  advance(duration: Duration): Promise<Date>
  /** The time of the service; hand it to what verifies tokens elsewhere. */
  now(): Promise<Date>
}

/** A running service. */
export interface Sallyport {
  /** Origin of the service, such as http://127.0.0.1:41234. */
  readonly url: string
  /** The default project: requests that name none are its own. */
  readonly projectId: string
  /** For back ends of the project. */
  readonly projectSecret: string
  readonly inbox: Inbox
  readonly clock: Clock
  /** Creates an account without a sign-up; no mail is sent. @throws SallyportTestingError for facts that are refused */
  createUser(facts?: UserFacts): Promise<TestUser>
  /** A new client, with a session of its own. */
  client(options?: ClientOptions): SallyportClient
  /** Ends the service and removes its data. It also ends by itself when this process does. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const secondsOf = ({ days = 0, hours = 0, minutes = 0, seconds = 0 }: Duration) =>
  ((days * 24 + hours) * 60 + minutes) * 60 + seconds

interface Started {
  readonly url: string
  readonly projectId: string
  readonly projectSecret: string
}

/** Rejects when the time is up; the timer does not keep the process alive. */
function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new SallyportTestingError(`The service did not start within ${ms} ms.`))
    const timer = setTimeout(late, ms)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/**
 * Starts a service of its own on a free port of this machine.
 * @throws SallyportTestingError where NODE_ENV is production, the package `sallyport` is missing, or a setting is refused
 */
export async function startSallyport(options: StartOptions = {}): Promise<Sallyport> {
  if (process.env.NODE_ENV === 'production')
    throw new SallyportTestingError(
      'NODE_ENV is production: @sallyport/testing starts a service whose mails anyone at this machine can read, and serves tests alone.',
    )
  const { timeoutMs = 60_000, ...given } = options
  const { ask, end: close } = startProcess()
  let started: Started
  try {
    started = await within(timeoutMs, ask<Started>('start', given))
  } catch (error) {
    await close()
    throw error
  }
  const { url, projectId } = started
  return {
    ...started,
    inbox: createInbox(url),
    clock: {
      async advance(duration) {
        const seconds = secondsOf(duration)
        if (!(seconds > 0))
          throw new SallyportTestingError('The clock can only be advanced, by more than 0 seconds.')
        return new Date(await ask<number>('advance', seconds))
      },
      now: async () => new Date(await ask<number>('now')),
    },
    async createUser(facts = {}) {
      const user = await ask<TestUser & { password: string | null }>('createUser', facts)
      return { ...user, password: user.password ?? '' }
    },
    client: (clientOptions = {}) => createClient({ baseUrl: url, projectId, ...clientOptions }),
    close,
    [Symbol.asyncDispose]: close,
  }
}
