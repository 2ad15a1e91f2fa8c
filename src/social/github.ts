// GitHub issues no id_tokens. Its API confirms that an access token was issued to our application, and then names the user.
import { CallFailed, fetchJson, guardedFetch } from '../outgoing/guarded-fetch.ts'
import { type Profile, ProofRefused, type Provider, storableEmail, storableText } from './profile.ts'

/** The base URL of an installation's API. */
const apiOf = (issuer: string) =>
  issuer === 'https://github.com' ? 'https://api.github.com' : `${issuer}/api/v3`

interface Address {
  readonly email?: unknown
  readonly primary?: unknown
  readonly verified?: unknown
}

/**
 * Asks GitHub for the user of an access token. A token that was issued to another application is refused: without this
 * check, any application could sign in here as one of its own users (token substitution, RFC 6749 §10.16).
 * @throws ProofRefused, CallFailed
 */
export async function askGithub(provider: Provider, accessToken: string, secret: string): Promise<Profile> {
  const { issuer, allowPrivateNetwork } = provider
  const api = apiOf(issuer)
  const [clientId = ''] = provider.clientIds
  if (!/^[\x21-\x7e]{1,512}$/.test(accessToken))
    throw new ProofRefused('It is no token. The application must send GitHub’s access_token, unchanged.')
  const checked = await guardedFetch(`${api}/applications/${encodeURIComponent(clientId)}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ access_token: accessToken }),
    allowPrivateNetwork,
  })
  if (checked.status === 404 || checked.status === 422)
    throw new ProofRefused('GitHub issued it to another application. Check client_ids and the secret.')
  if (checked.status !== 200) throw new CallFailed(`GitHub answered ${checked.status}.`)

  const headers = { authorization: `Bearer ${accessToken}`, 'x-github-api-version': '2022-11-28' }
  const person = await fetchJson(`${api}/user`, { headers, allowPrivateNetwork })
  if (!Number.isSafeInteger(person.id)) throw new CallFailed('GitHub named no user.')
  const primary = await primaryAddress(`${api}/user/emails`, { headers, allowPrivateNetwork })
  const email = storableEmail(primary?.email)
  return {
    issuer,
    subject: String(person.id),
    email,
    emailVerified: email !== null && primary?.verified === true,
    displayName: storableText(person.name) ?? storableText(person.login),
    firstName: null,
    lastName: null,
  }
}

/** The primary address; null: the token may not read addresses. */
async function primaryAddress(
  url: string,
  call: Parameters<typeof guardedFetch>[1],
): Promise<Address | null> {
  const response = await guardedFetch(url, call)
  if (response.status === 403 || response.status === 404) return null
  const list: unknown = response.status === 200 ? await response.json().catch(() => null) : null
  if (!Array.isArray(list)) throw new CallFailed('GitHub listed no addresses.')
  return (list as Address[]).find((entry) => entry?.primary === true) ?? null
}
