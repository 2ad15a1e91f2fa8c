// A mail, the mailer that hands it over, and the error when it cannot: whether a retry can help, and nothing of the body.
export interface OutgoingMail {
  /** Id of the queued mail: makes the Message-ID the same at every attempt. */
  id: string
  kind: string
  to: string
  subject: string
  text: string
  html: string
  link?: string
  /** Whom the mail is from: the brand's name if the project has one, else that of MAIL_FROM, else the project's. */
  sender?: { readonly brand: string | null; readonly project: string }
}

export interface Mailer {
  /** Resolves once the mail has been taken over; rejects with a MailError otherwise. */
  send(mail: OutgoingMail): Promise<void>
  /**
   * Lets a mail that is being handed over finish if that takes no longer than `closeSeconds`, fails those still waiting,
   * and resolves when none is left.
   */
  close(): Promise<void>
}

/**
 * Why a mail was not sent. `permanent`: the same mail to the same address will not get through later either.
 * `anyMail`: the fault is the server's or our account's, and no other mail would get through now.
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
