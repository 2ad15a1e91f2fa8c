// The interface of a mailer, and its error: it says whether a retry can help and holds nothing of the mail's body.
export interface OutgoingMail {
  /** Id of the queued mail. The Message-ID is derived from it, so it is the same at every attempt. */
  id: string
  kind: string
  to: string
  subject: string
  text: string
  html: string
  link?: string
  /** The sender's name: that of the brand if the project has one, else that of MAIL_FROM, else the project's. */
  sender?: { readonly brand: string | null; readonly project: string }
}

export interface Mailer {
  /** Resolves when the mail has been accepted. @throws MailError */
  send(mail: OutgoingMail): Promise<void>
  /**
   * Lets a mail that is being sent finish within `closeSeconds`, fails those that still wait, and resolves when none is left.
   */
  close(): Promise<void>
}

/**
 * Why a mail was not sent. `permanent`: the same mail to the same address will fail later too.
 * `anyMail`: the server or our account there fails, so every other mail would fail now as well.
 */
export class MailError extends Error {
  override readonly name = 'MailError'
  readonly permanent: boolean
  readonly anyMail: boolean

  constructor(message: string, permanent: boolean, anyMail = false) {
    super(message)
    this.permanent = permanent
    this.anyMail = anyMail
  }
}

/** Makes a mailer whose `close` stops the transport and then waits for the sends under way. */
export function closable(send: Mailer['send'], stop: () => void): Mailer {
  const underWay = new Set<Promise<void>>()
  return {
    send(mail) {
      const sending = send(mail).finally(() => underWay.delete(sending))
      underWay.add(sending)
      return sending
    },
    async close() {
      stop()
      await Promise.allSettled(underWay)
    },
  }
}
