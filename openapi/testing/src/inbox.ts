// The mails that the service captured, and waiting for one that is under way.
import { setTimeout as sleep } from 'node:timers/promises'
import { SallyportTestingError } from './process.js'

/** A captured mail. */
export interface Message {
  readonly id: string
  /** Such as `verify_email` or `reset_password`. */
  readonly kind: string
  readonly to: string
  readonly from: string
  readonly subject: string
  /** ISO 8601, by this machine's clock. */
  readonly at: string
  readonly text: string
  readonly html: string
  /** Null: a mail of this kind has none. */
  readonly link: string | null
  /** Six digits; null: a mail of this kind has none. */
  readonly code: string | null
}

export interface WaitOptions {
  /** Only a mail of this kind, such as `reset_password`. */
  readonly kind?: string
  /** Milliseconds to wait. Default: 10 seconds. */
  readonly timeoutMs?: number
}

export interface Inbox {
  /** Every mail that has arrived, the oldest first. @param to of this address alone */
  messages(to?: string): Promise<Message[]>
  /**
   * The code of the newest mail to an address; waits for one whose code was not read yet, so each call gets another mail's.
   * @throws SallyportTestingError when the time is up, with the mails that did arrive
   */
  code(to: string, options?: WaitOptions): Promise<string>
  /** The link of the newest mail to an address; waits as `code` does. @throws as `code` */
  link(to: string, options?: WaitOptions): Promise<string>
  /** The newest mail to an address; waits as `code` does. @throws as `code` */
  message(to: string, options?: WaitOptions): Promise<Message>
}

const pollMs = 50

/** What arrived instead, in words. */
function tell(messages: readonly Message[], to: string): string {
  if (messages.length === 0) return 'No mail has arrived for any address.'
  const lines = messages.map(({ kind, to: address, subject, link, code }) => {
    const carries =
      [code && 'a code', link && 'a link'].filter(Boolean).join(' and ') || 'neither code nor link'
    return `  ${kind} to ${address}: “${subject}” (${carries})`
  })
  const own = messages.some((message) => message.to === to) ? '' : `None of them went to ${to}.\n`
  return `${own}Arrived so far:\n${lines.join('\n')}`
}

/** @param url of the service */
export function createInbox(url: string): Inbox {
  /** Ids of mails that were handed out, by what was asked for. */
  const read = { code: new Set<string>(), link: new Set<string>(), message: new Set<string>() }

  async function messages(to?: string): Promise<Message[]> {
    const answer = await fetch(
      `${url}/inbox/messages${to === undefined ? '' : `?to=${encodeURIComponent(to)}`}`,
    )
    if (!answer.ok) throw new SallyportTestingError(`The inbox answered with status ${answer.status}.`)
    const found = (await answer.json()) as { messages: Message[] }
    // The service finds parts of addresses as well.
    return found.messages.filter((message) => to === undefined || message.to.toLowerCase() === to).reverse()
  }

  async function wait(
    what: keyof typeof read,
    address: string,
    { kind, timeoutMs = 10_000 }: WaitOptions = {},
  ): Promise<Message> {
    const to = address.toLowerCase()
    const until = performance.now() + timeoutMs
    for (;;) {
      const fits = (await messages(to)).filter(
        (message) =>
          (kind === undefined || message.kind === kind) && (what === 'message' || message[what] !== null),
      )
      const newest = fits.at(-1)
      if (newest && !read[what].has(newest.id)) {
        // The older ones too: what they carry was replaced.
        for (const { id } of fits) read[what].add(id)
        return newest
      }
      if (performance.now() > until) {
        const wanted = `${what === 'message' ? 'mail' : `mail with a ${what}`}${kind ? ` of kind ${kind}` : ''}`
        const seen = newest ? `Its ${what} was read before, and no newer ${wanted} came. ` : ''
        throw new SallyportTestingError(
          `No ${newest ? 'new ' : ''}${wanted} arrived for ${address} within ${timeoutMs} ms. ${seen}${tell(await messages(), to)}`,
        )
      }
      await sleep(pollMs)
    }
  }

  return {
    messages: (to) => messages(to?.toLowerCase()),
    message: (to, options) => wait('message', to, options),
    code: async (to, options) => (await wait('code', to, options)).code ?? '',
    link: async (to, options) => (await wait('link', to, options)).link ?? '',
  }
}
