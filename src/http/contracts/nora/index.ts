// Nora's documented API: one bearer token of seven days, and no refresh.
import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  changePassword,
  login,
  me,
  NoraError,
  oauthLogin,
  signUp,
  updateProfile,
} from '../../../../schemas/contracts/nora.ts'
import { AuthError } from '../../../domain/errors.ts'
import type { Grant } from '../../../domain/grants.ts'
import type { UserRow } from '../../../repositories/users.ts'
import { callerOf } from '../../caller.ts'
import { preferredLanguage } from '../../language.ts'
import { signedIn } from '../../plugins/authenticate.ts'
import type { Standing } from '../../plugins/rate-limits.ts'
import { givenId } from '../../request-id.ts'
import { bearerToken } from '../../strategies/bearer.ts'
import type { Api } from '../../typebox.ts'
import type { BuildContract, ContractParts } from '../mount.ts'
import { speaking } from '../sentences.ts'
import { answer, loginRules, oauthRules, rules } from './errors.ts'
import { changesOf, claimsOf, createdView, profileView, proofOf, userView } from './map.ts'

/** There is no refresh: a session lives as long as its one token, whatever the policy says of others. */
const week = 7 * 86_400
const lifetimes = { accessSeconds: week, lifetimeSeconds: week, beyondAbsolute: true }
/** Requests to sign up and log in together, for each client address. */
const attempts = { max: 20, window_seconds: 900 }

function show(reply: FastifyReply, { limit, max, remaining, windowSeconds, leftSeconds }: Standing): void {
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
  shared: [NoraError],
  answer,
  rules,
  presented: bearerToken,
  async ended(request, claims) {
    const tells = 404 in ((request.routeOptions.schema?.response ?? {}) as object)
    if (tells && !(await parts.domain.users.exists(request.project, claims.sub)))
      throw new AuthError('account_gone')
  },
  limits: { ...parts.limits, credential: parts.limiter('credential', () => attempts, 'nora credential') },
  show,
  atOnce: ['read', 'credential'],
  arrives(request, reply) {
    reply.header('x-correlation-id', givenId(request.headers['x-correlation-id']) ?? request.id)
  },
  routes: (api) => routes(api, parts),
})

async function routes(api: Api, { domain, tokens }: ContractParts): Promise<void> {
  const { users, signIn, social, profile, avatars, passwordChange } = domain
  const printed = ({ project }: FastifyRequest, grant: Grant) => ({
    token: tokens.printAccess(project, grant, claimsOf(grant.user)),
  })
  const avatarOf = async (user: UserRow) => (user.avatarId ? avatars.find(user.avatarId) : null)

  api.post(
    '/signup',
    { schema: signUp, config: { access: 'public', limit: 'credential' } },
    async (request) => {
      const locale = preferredLanguage(request.headers['accept-language'])
      return createdView(
        await users.register(request.project, { ...request.body, locale }, callerOf(request)),
      )
    },
  )

  api.post(
    '/login',
    {
      schema: login,
      config: { access: 'public', limit: 'credential' },
      schemaErrorFormatter: speaking(loginRules),
    },
    async (request) => {
      const grant = await signIn.withPassword(request.project, request.body, callerOf(request), lifetimes)
      return printed(request, grant)
    },
  )

  api.post(
    '/oauth-login',
    {
      schema: oauthLogin,
      config: { access: 'public', limit: 'read' },
      schemaErrorFormatter: speaking(oauthRules),
    },
    async (request) => {
      const locale = preferredLanguage(request.headers['accept-language'])
      const proof = proofOf(request.body)
      const grant = await social.signIn(request.project, proof, callerOf(request), { locale, lifetimes })
      return printed(request, grant)
    },
  )

  api.get('/me', { schema: me, config: { access: 'user', limit: 'read' } }, async (request) => {
    const { user } = signedIn(request)
    return userView(user, await avatarOf(user))
  })

  api.patch(
    '/profile',
    { schema: updateProfile, config: { access: 'user', limit: 'read' }, bodyLimit: 1_048_576 },
    async (request) => {
      const changes = changesOf(request.body)
      const user = await profile.update(request.project, signedIn(request), callerOf(request), changes)
      return profileView(user, await avatarOf(user))
    },
  )

  api.patch(
    '/password',
    { schema: changePassword, config: { access: 'user', limit: 'read' } },
    async (request) => {
      await passwordChange.change(request.project, signedIn(request), callerOf(request), request.body)
      return { success: true }
    },
  )
}
