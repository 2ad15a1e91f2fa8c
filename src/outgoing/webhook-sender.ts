// Sends webhooks: one guarded call each, without redirects, of whose answer the status alone is read.
import { CallFailed, guardedStatus, isAllowedUrl } from './guarded-fetch.ts'

/** Milliseconds that a receiver may take. */
const timeoutMs = 15_000

export interface Message {
  readonly url: string
  readonly headers: Record<string, string>
  /** JSON. */
  readonly body: string
  /** As the policy says: also addresses of the own network, and http to the own host. */
  readonly allowPrivateNetwork: boolean
}

/** The answer of a receiver: its status, or a sentence that says why there is none. */
export type Receipt = { readonly status: number } | { readonly error: string }

export interface WebhookSender {
  /** Whether an address may be called at all; its name is looked up when it is. */
  isAllowed(url: string, allowPrivateNetwork: boolean): boolean
  send(message: Message): Promise<Receipt>
}

export const webhookSender: WebhookSender = {
  isAllowed: (url, allowPrivateNetwork) =>
    URL.canParse(url) && isAllowedUrl(new URL(url), allowPrivateNetwork),
  async send({ url, headers, body, allowPrivateNetwork }) {
    try {
      return {
        status: await guardedStatus(url, {
          ...{ method: 'POST', headers, body, allowPrivateNetwork, timeoutMs },
          asksNameServers: true,
        }),
      }
    } catch (error) {
      if (error instanceof CallFailed) return { error: error.message }
      throw error
    }
  },
}
