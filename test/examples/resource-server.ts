// A service of yours, beside Sallyport: it lets in whoever brings an access token, and asks Sallyport for nothing but
// its public keys. It learns of a sign-out when the token expires, at most 15 minutes later by default.
import Fastify, { type FastifyInstance } from 'fastify'
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose'

export interface ResourceServerOptions {
  /** The issuer of the tokens: PUBLIC_URL, or that and `/projects/<id>` where the policy says `tokens.issuer` `project`. */
  readonly issuer: string
  /** The project whose users are let in: the audience of its tokens. */
  readonly projectId: string
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The claims of the verified token: `sub` is the user's uuid, `sid` the session. */
    claims: JWTPayload
  }
}

export function createResourceServer({ issuer, projectId }: ResourceServerOptions): FastifyInstance {
  const app = Fastify()
  // Fetched at the first token and kept; fetched again when a token names a key that is not among them.
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', issuer))

  app.addHook('onRequest', async (request, reply) => {
    const [, token] = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '') ?? []
    if (!token) return reply.code(401).header('www-authenticate', 'Bearer').send({ error: 'Sign in first.' })
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience: projectId,
        typ: 'at+jwt',
        algorithms: ['ES256'],
      })
      request.claims = payload
    } catch {
      return reply
        .code(401)
        .header('www-authenticate', 'Bearer error="invalid_token"')
        .send({ error: 'This token is not good.' })
    }
  })

  app.get('/notes', async (request) => ({ notes: [`Only for ${request.claims.sub}.`] }))
  return app
}
