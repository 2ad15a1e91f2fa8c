// Sign-in on the pages of the service: the way there, and back with a code. Loaded by the first call that needs it.
import type { Calls, RedirectOptions, Session } from './methods.js'
import { createProofKey } from './proof-key.js'

const keyOf = (state: string) => `sallyport_redirect_${state}`

/** The redirects of a page. */
export function createRedirects({ open, begun }: Calls, baseUrl: string, projectId: string | undefined) {
  return {
    async go({ redirectTo, page = 'sign-in', ...more }: RedirectOptions): Promise<void> {
      const { code_challenge, code_verifier } = await createProofKey()
      const state = crypto.randomUUID()
      // Only this tab finds it when the page is loaded again.
      sessionStorage.setItem(keyOf(state), code_verifier)
      const query = new URLSearchParams({
        redirect_to: redirectTo,
        state,
        code_challenge,
        code_challenge_method: 'S256',
        ...(projectId === undefined ? {} : { project: projectId }),
        ...(more.uiLocales === undefined ? {} : { ui_locales: more.uiLocales }),
        ...(more.loginHint === undefined ? {} : { login_hint: more.loginHint }),
      })
      location.assign(`${baseUrl}/${page}?${query}`)
    },

    async finish(signal: AbortSignal | undefined): Promise<Session | null> {
      const url = new URL(location.href)
      const [code, state] = [url.searchParams.get('code'), url.searchParams.get('state')]
      const code_verifier = state === null ? null : sessionStorage.getItem(keyOf(state))
      // A code that this tab did not ask for may be another person's (login CSRF, RFC 6749 §10.12).
      if (code === null || state === null || code_verifier === null) return null
      sessionStorage.removeItem(keyOf(state))
      url.searchParams.delete('code')
      url.searchParams.delete('state')
      history.replaceState(history.state, '', url)
      const body = { code, code_verifier }
      return begun(open('post', '/api/auth/login/social/exchange', { body, signal }))
    },
  }
}
