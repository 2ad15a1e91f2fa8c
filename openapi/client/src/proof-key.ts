// A proof key (RFC 7636) for the sign-in of a browser by redirect: only the page that began it can exchange the code.

const toText = (bytes: Uint8Array) =>
  btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, '-')
    .replace(/\//g, '_')
    .replace(/=/g, '')

/**
 * Makes a proof key. Keep the verifier where the page finds it when it is loaded again, such as sessionStorage.
 *
 * @returns `code_challenge` for socialLoginUrl, and `code_verifier` for exchangeSocialLogin
 */
export async function createProofKey(): Promise<{ code_verifier: string; code_challenge: string }> {
  const code_verifier = toText(crypto.getRandomValues(new Uint8Array(32)))
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(code_verifier))
  return { code_verifier, code_challenge: toText(new Uint8Array(hash)) }
}
