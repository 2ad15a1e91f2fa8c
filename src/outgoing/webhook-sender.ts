// Sends webhooks: each by one guarded call without redirects. Only the status of the response is read.
import { CallFailed, guardedStatus, isAllowedUrl } from './guarded-fetch.ts'

/** Milliseconds until the receiver must have answered. */
const timeoutMs = 15_000

export interface Message {
  readonly url: string
  readonly headers: Record<string, string>
  /** JSON. */
  readonly body: string
  /** From the policy: whether addresses of the own network are allowed, and http to the own host. */
  readonly allowPrivateNetwork: boolean
}

/** The status of the receiver's response, or a sentence that says why there is none. */
export type Receipt = { readonly status: number } | { readonly error: string }

export interface WebhookSender {
  /** Whether a URL may be called. Its host name is resolved only when it is called. */
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
          method: 'POST',
          headers,
          body,
          allowPrivateNetwork,
          timeoutMs,
          asksNameServers: true,
        }),
      }
    } catch (error) {
      if (error instanceof CallFailed) return { error: error.message }
      throw error
    }
  },
}
