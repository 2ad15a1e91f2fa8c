// Whether a session that its token calls valid has ended meanwhile.
import type { Session } from './access-token.js'

export interface Revocation {
  /** @throws ServiceUnavailableError where the service cannot be asked and nothing fresh is known */
  hasEnded(session: Session): Promise<boolean>
  /** True where every answer is as fresh as the option says; false while the event feed is behind. */
  isCaughtUp(): boolean
  /** Resolves when `isCaughtUp` is true for the first time. */
  ready(): Promise<void>
  close(): void
}

/** A token is accepted until it expires. */
export const noRevocation: Revocation = {
  hasEnded: async () => false,
  isCaughtUp: () => true,
  ready: async () => {},
  close() {},
}
