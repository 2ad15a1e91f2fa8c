// The link of a mail: to our own page, or to a page of the application that requested the mail.
import type { LanguageTag } from '../formats.ts'

/** Our own pages by the purpose of a link, for projects without pages of their own. */
const accountPaths = {
  verify_email: '/account/verify-email',
  reset_password: '/account/reset-password',
  change_email: '/account/change-email',
  undo_email_change: '/account/undo-email-change',
  disown_sign_in: '/account/not-me',
  sign_in: '/account/sign-in',
  team_invitation: '/account/team-invitation',
  register: '/account/verify',
}

/** What a link does after a person has opened and confirmed it. */
export type LinkPurpose = keyof typeof accountPaths

interface LinkFacts {
  readonly publicUrl: string
  readonly projectId: string
  readonly purpose: LinkPurpose
  readonly token: string
  /** The language of the mail, for our own page; null: the page asks the browser. */
  readonly language: LanguageTag | null
}

/**
 * Builds the link of a mail: with `type` and `token` in the query of the application's page, or to our own page with
 * `project`, `token` and `lang`.
 * @param page the application's page, on an origin that the project allows now; its other query parameters are kept
 */
export function mailLink(facts: LinkFacts, page: URL | null): string {
  const { publicUrl, projectId, purpose, token, language } = facts
  if (!page) {
    const query = new URLSearchParams({ project: projectId, token, ...(language ? { lang: language } : {}) })
    return `${publicUrl}${accountPaths[purpose]}?${query}`
  }
  const url = new URL(page)
  url.searchParams.set('type', purpose)
  url.searchParams.set('token', token)
  return url.href
}

/**
 * Builds the link of a mail that a client requested in its own name: its base with the last segment of our page's path and the
 * parameters `verificationCode`, `email` and, if the client has one, `clientAlias`. Without a base: our own page with the same
 * parameters, `project` and `lang`.
 * @param email the recipient's address
 * @param base on an origin that the project allows now; its query and fragment are not part of the link
 */
export function clientLink(
  { publicUrl, projectId, purpose, token, language }: LinkFacts,
  email: string,
  alias: string | undefined,
  base: URL | null,
): string {
  const pairs = [['verificationCode', token], ['email', email], ...(alias ? [['clientAlias', alias]] : [])]
  const query = pairs.map(([name, value = '']) => `${name}=${encodeURIComponent(value)}`).join('&')
  const own = accountPaths[purpose]
  if (!base) return `${publicUrl}${own}?${query}&project=${projectId}${language ? `&lang=${language}` : ''}`
  return `${base.origin}${base.pathname.replace(/\/+$/, '')}${own.slice(own.lastIndexOf('/'))}?${query}`
}
