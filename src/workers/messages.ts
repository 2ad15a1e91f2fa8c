// What the primary process and its workers say to each other about the life of a worker.

/** From a worker: it listens and serves. */
export interface ReadyMessage {
  readonly workers: 'ready'
  readonly url: string
}

/** To a worker: take no new connections, serve those that are open to their end, and leave. */
export interface RetireMessage {
  readonly workers: 'retire'
}

const said = (message: unknown) => (message as { workers?: unknown } | null)?.workers

export const isReady = (message: unknown): message is ReadyMessage => said(message) === 'ready'
export const isRetire = (message: unknown): message is RetireMessage => said(message) === 'retire'
