// What the service tells the script of a page.

/** What the service says in the page for its script. */
export interface Facts {
  readonly show?: string
  readonly hide?: string
  readonly needsCookies?: string
  readonly passkeyFailed?: string
  /** Whether the sign-in ends with cookies of this browser. */
  readonly cookies?: boolean
  readonly project?: string
  readonly base?: string
}
