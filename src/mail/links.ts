// Where the link of a mail leads: our own page, or the page of the application that asked.

/** What a link does when a person follows it and says yes. */
export type LinkPurpose =
  | 'verify_email'
  | 'reset_password'
  | 'change_email'
  | 'undo_email_change'
  | 'team_invitation'

/** Our own pages, for projects that have none. */
export const accountPaths: Readonly<Record<LinkPurpose, string>> = {
  verify_email: '/account/verify-email',
  reset_password: '/account/reset-password',
  change_email: '/account/change-email',
  undo_email_change: '/account/undo-email-change',
  team_invitation: '/account/team-invitation',
}

export interface LinkFacts {
  readonly publicUrl: string
  readonly projectId: string
  readonly purpose: LinkPurpose
  readonly token: string
  /** What the request asked for and, next, what the project's policy says; null: nothing. */
  readonly redirects: readonly (string | null | undefined)[]
  /** Origins that links may lead to now, whatever was allowed when the mail was owed. */
  readonly linkOrigins: readonly string[]
}

/**
 * The link: the first redirect that still is allowed, with `type` and `token` in its query, or our own page with
 * `project` and `token`. What the application wrote into its query stays, save those two names.
 */
export function mailLink({
  publicUrl,
  projectId,
  purpose,
  token,
  redirects,
  linkOrigins,
}: LinkFacts): string {
  for (const redirect of redirects) {
    if (!redirect || !URL.canParse(redirect)) continue
    const url = new URL(redirect)
    if (!/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') continue
    if (!linkOrigins.includes(url.origin)) continue
    url.searchParams.set('type', purpose)
    url.searchParams.set('token', token)
    return url.href
  }
  return `${publicUrl}${accountPaths[purpose]}?${new URLSearchParams({ project: projectId, token })}`
}
