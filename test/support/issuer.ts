// A real OpenID provider (oidc-provider) on its own port. Tests have its keys and can also sign tokens that it would not
// issue.
import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { exportJWK, generateKeyPair, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose'
import { Provider } from 'oidc-provider'
import { freePort } from './app.ts'

export interface IssuerUser {
  readonly email?: string
  readonly email_verified?: unknown
  readonly name?: string
}

export interface TestIssuer {
  readonly url: string
  readonly clientId: string
  readonly clientSecret: string
  /** Accounts by subject; the login page asks for the subject. */
  readonly people: Map<string, IssuerUser>
  /** Requested paths so far. */
  readonly asked: string[]
  /** An id_token of this issuer, signed by its key; `claims` replace the usual ones, undefined removes one. */
  idToken(claims?: Record<string, unknown>, header?: Partial<JWTHeaderParameters>): Promise<string>
  /** Publishes a second key and signs with it from now on. */
  rotate(): Promise<void>
  /** With false: answers no requests, until it is called with true. */
  listen(up: boolean): Promise<void>
  /** Its entry in `providers` of a policy. */
  policy(over?: object): Record<string, unknown>
}

interface Test {
  teardown(work: () => unknown): void
}

let subjects = 0
/** A new subject. */
export const newSubject = () => `person-${process.pid}-${++subjects}`

const makeKey = async (kid: string) => {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
  const use = { kid, alg: 'RS256', use: 'sig' }
  return {
    kid,
    privateKey,
    privateJwk: { ...(await exportJWK(privateKey)), ...use },
    publicJwk: { ...(await exportJWK(publicKey)), ...use },
  }
}

const page = (uid: string) => `<!doctype html><title>Provider</title><h1>Provider</h1>
<form method="post" action="/interaction/${uid}"><label>Subject <input name="subject"></label><button>Sign in</button></form>
<p><a href="/interaction/${uid}/abort">Cancel</a></p>`

/** Starts the provider. @param redirectUris of its client */
export async function startIssuer(
  t: Test,
  redirectUris: string[] = ['http://127.0.0.1/none'],
): Promise<TestIssuer> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const keys = [await makeKey('first')]
  const people = new Map<string, IssuerUser>()
  const asked: string[] = []
  const clientId = 'sallyport-test'
  const clientSecret = 'the secret of the client at the provider'

  const provider = new Provider(url, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: redirectUris,
        grant_types: ['authorization_code'],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    jwks: { keys: keys.map(({ privateJwk }) => privateJwk) },
    cookies: { keys: ['a key for the cookies of the test issuer'] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    pkce: { required: () => true },
    findAccount: (_ctx: unknown, id: string) =>
      people.has(id) ? { accountId: id, claims: async () => ({ sub: id, ...people.get(id) }) } : undefined,
    // Signing in counts as consent.
    loadExistingGrant: async (ctx: { oidc: { session: { accountId: string } } }) => {
      const grant = new provider.Grant({ clientId, accountId: ctx.oidc.session.accountId })
      grant.addOIDCScope('openid email profile')
      await grant.save()
      return grant
    },
  } as never)
  provider.on('server_error', (_ctx: unknown, error: Error) => console.error(error))
  const callback = provider.callback()

  const server = createServer(async (request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    asked.push(path)
    if (path === '/jwks') {
      response.setHeader('content-type', 'application/jwk-set+json')
      return response.end(JSON.stringify({ keys: keys.map(({ publicJwk }) => publicJwk) }))
    }
    const [, uid, abort] = /^\/interaction\/([^/]+)(\/abort)?$/.exec(path) ?? []
    if (!uid) return callback(request, response)
    if (abort)
      return provider.interactionFinished(request, response, {
        error: 'access_denied',
        error_description: 'No.',
      })
    if (request.method === 'GET') {
      response.setHeader('content-type', 'text/html')
      return response.end(page(uid))
    }
    let body = ''
    for await (const chunk of request) body += chunk
    const accountId = new URLSearchParams(body).get('subject') ?? ''
    return provider.interactionFinished(request, response, { login: { accountId } })
  })

  const listen = (up: boolean) => switchTo(server, up, port)
  await listen(true)
  t.teardown(() => listen(false))

  return {
    url,
    clientId,
    clientSecret,
    people,
    asked,
    async idToken(claims = {}, header = {}) {
      // `sub` and `jti` are new each time; otherwise two tokens of one second would be equal.
      const now = Math.floor(Date.now() / 1000)
      const key = keys.at(-1)
      if (!key) throw new Error('There is no key.')
      const usual = {
        iss: url,
        aud: clientId,
        sub: newSubject(),
        iat: now,
        exp: now + 300,
        email_verified: true,
        jti: randomUUID(),
      }
      return new SignJWT({ ...usual, ...claims } as JWTPayload)
        .setProtectedHeader({ alg: 'RS256', kid: key.kid, ...header })
        .sign(key.privateKey)
    },
    async rotate() {
      keys.push(await makeKey(`key-${keys.length}`))
    },
    listen,
    policy: (over = {}) => ({
      issuer: url,
      client_ids: [clientId],
      allow_private_network: true,
      ...over,
    }),
  }
}

function switchTo(server: Server, up: boolean, port: number): Promise<void> {
  return new Promise((resolve) => {
    if (up) server.listen(port, '127.0.0.1', () => resolve())
    else {
      server.closeAllConnections()
      server.close(() => resolve())
    }
  })
}
