// Nora's documented API: one bearer token of seven days, and no refresh.
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as schemas from '../../../../schemas/contracts/nora.ts'
import { findAvatar } from '../../../domain/accounts/avatars.ts'
import { changePassword } from '../../../domain/accounts/password-change.ts'
import { updateProfile } from '../../../domain/accounts/profile.ts'
import { register, userExists } from '../../../domain/accounts/sign-up.ts'
import { signInWithPassword } from '../../../domain/credentials/sign-in.ts'
import { AuthError } from '../../../domain/errors.ts'
import type { Grant } from '../../../domain/sessions/grants.ts'
import { signInWithProvider } from '../../../domain/social/sign-in.ts'
import type { UserRow } from '../../../repositories/accounts/users.ts'
import { languageOf } from '../../language.ts'
import { signedIn } from '../../plugins/authenticate.ts'
import type { RateLimitStatus } from '../../plugins/rate-limits.ts'
import { readHeader } from '../../request-headers.ts'
import { bearerToken } from '../../strategies/bearer.ts'
import type { Api } from '../../typebox.ts'
import type { BuildContract, ContractParts } from '../mount.ts'
import { validationMessages } from '../validation-messages.ts'
import { answer, loginRules, oauthRules, rules } from './errors.ts'
import { changesOf, claimsOf, createdView, profileView, proofOf, userView } from './map.ts'

/** There is no refresh: a session lives as long as its one token, independent of the policy's lifetimes. */
const week = 7 * 86_400
const lifetimes = { accessSeconds: week, lifetimeSeconds: week, beyondAbsolute: true }
/** Requests to sign up and log in together, for each client address. */
const attempts = { max: 20, window_seconds: 900 }

function show(
  reply: FastifyReply,
  { limit, max, remaining, windowSeconds, leftSeconds }: RateLimitStatus,
): void {
  if (limit !== 'credential') return
  reply.headers({
    'ratelimit-policy': `${max};w=${windowSeconds}`,
    'ratelimit-limit': max,
    'ratelimit-remaining': remaining,
    'ratelimit-reset': leftSeconds,
  })
}

export const nora: BuildContract = (parts) => ({
  name: 'nora',
  title: 'Nora',
  description:
    'The API documented by Nora. The token is sent as `Authorization: Bearer` and never in a query.',
  prefix: '/nora',
  bases: ['/auth', '/api/auth'],
  tags: [
    { name: 'Auth', description: 'Signing up and logging in.' },
    { name: 'User', description: 'The signed-in user.' },
  ],
  securitySchemes: {
    bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The token of a login.' },
  },
  shared: [schemas.NoraError],
  answer,
  rules,
  presented: bearerToken,
  async ended(request, claims) {
    const has404 = 404 in ((request.routeOptions.schema?.response ?? {}) as object)
    if (has404 && !(await userExists(request.context, claims.sub))) throw new AuthError('account_gone')
  },
  limits: { ...parts.limits, credential: parts.limiter('credential', () => attempts, 'nora credential') },
  show,
  countedOnArrival: ['read', 'credential'],
  onArrival(request, reply) {
    const given = readHeader(request, 'x-correlation-id')
    const isSane = given !== undefined && /^[\w.-]{1,128}$/.test(given)
    reply.header('x-correlation-id', isSane ? given : request.id)
  },
  routes: (api) => routes(api, parts),
})

const login = { access: 'public', limit: 'credential' } as const
const ofUser = { access: 'user', limit: 'read' } as const

async function routes(api: Api, { services, tokens }: ContractParts): Promise<void> {
  const tokenView = ({ project }: FastifyRequest, grant: Grant) => ({
    token: tokens.printAccess(project, grant, claimsOf(grant.user)),
  })
  const avatarOf = async (user: UserRow) => (user.avatarId ? findAvatar(services, user.avatarId) : null)
  api.post('/signup', { schema: schemas.signUp, config: login }, async (request) => {
    const { email, password } = request.body
    return createdView(await register(request.context, { email, password, locale: languageOf(request) }))
  })

  api.post(
    '/login',
    { schema: schemas.login, config: login, schemaErrorFormatter: validationMessages(loginRules) },
    async (request) => tokenView(request, await signInWithPassword(request.context, request.body, lifetimes)),
  )

  api.post(
    '/oauth-login',
    {
      schema: schemas.oauthLogin,
      config: { access: 'public', limit: 'read' },
      schemaErrorFormatter: validationMessages(oauthRules),
    },
    async (request) => {
      const options = { locale: languageOf(request), lifetimes }
      return tokenView(request, await signInWithProvider(request.context, proofOf(request.body), options))
    },
  )

  api.get('/me', { schema: schemas.me, config: ofUser }, async (request) => {
    const { user } = signedIn(request).actor
    return userView(user, await avatarOf(user))
  })

  api.patch(
    '/profile',
    { schema: schemas.updateProfile, config: ofUser, bodyLimit: 1_048_576 },
    async (request) => {
      const user = await updateProfile(signedIn(request), changesOf(request.body))
      return profileView(user, await avatarOf(user))
    },
  )

  api.patch('/password', { schema: schemas.changePassword, config: ofUser }, async (request) => {
    await changePassword(signedIn(request), request.body, { mayStay: true })
    return { success: true }
  })
}
