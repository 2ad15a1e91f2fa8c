// The facts that a page hands its script, in `data-facts` of its card.

export interface Facts {
  readonly show?: string
  readonly hide?: string
  readonly needsCookies?: string
  readonly passkeyFailed?: string
  /** Whether the sign-in ends with a session cookie. */
  readonly cookies?: boolean
  readonly project?: string
  readonly base?: string
}
