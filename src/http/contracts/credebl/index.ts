// CREDEBL's documented API: bearer tokens, a refresh token as a JWT, sessions by id, and mails in a client's name.
import * as schemas from '../../../../schemas/contracts/credebl.ts'
import { changePasswordByAddress } from '../../../domain/accounts/password-change.ts'
import { requestResetForClient, resetPassword } from '../../../domain/accounts/recovery.ts'
import {
  completeRegistration,
  isRegistrationOpen,
  requestRegistration,
} from '../../../domain/accounts/registration.ts'
import { signInWithPassword } from '../../../domain/credentials/sign-in.ts'
import { AuthError } from '../../../domain/errors.ts'
import { refreshSession } from '../../../domain/sessions/refresh.ts'
import { revokeListedSessions, revokeSessionNamed, signOut } from '../../../domain/sessions/revocation.ts'
import { findGrant, listSessions } from '../../../domain/sessions/sessions.ts'
import { languageOf } from '../../language.ts'
import { signedIn } from '../../plugins/authenticate.ts'
import { setRateLimitHeaders } from '../../plugins/rate-limits.ts'
import { createRefreshJwts } from '../../refresh-jwts.ts'
import { readHeader } from '../../request-headers.ts'
import { bearerToken } from '../../strategies/bearer.ts'
import type { Api } from '../../typebox.ts'
import type { BuildContract, ContractParts } from '../mount.ts'
import { validationMessages } from '../validation-messages.ts'
import { decryptId, decryptPasswords } from './encrypted-text.ts'
import { answer, passwordResetRules, rules, signUpRules } from './errors.ts'
import {
  accountView,
  clientOf,
  clientView,
  detailsView,
  idOf,
  profileView,
  sessionView,
  success,
  tokenView,
} from './map.ts'

const { messages } = schemas

const open = { access: 'public', limit: 'read' } as const
const login = { access: 'public', limit: 'credential' } as const
const mailing = { access: 'public', limit: 'mail' } as const
const ofUser = { access: 'user', limit: 'read' } as const
const maybeOfUser = { access: 'optional', limit: 'read' } as const

export const credebl: BuildContract = (parts) => ({
  name: 'credebl',
  title: 'CREDEBL',
  description: 'The API documented by CREDEBL. The access token is sent as `Authorization: Bearer`.',
  prefix: '/credebl',
  bases: ['/auth', '/v1/auth'],
  tags: [
    { name: 'Auth', description: 'Signing in and out, and refreshing.' },
    { name: 'Password', description: 'A new one, by mail or by the current one.' },
    { name: 'Sessions', description: 'Where the user is signed in.' },
    { name: 'Registration', description: 'An account for a proven address.' },
  ],
  securitySchemes: {
    bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The access token.' },
  },
  shared: [schemas.CredeblError],
  maxParamLength: 2048,
  answer,
  rules,
  presented: bearerToken,
  limits: parts.limits,
  show: setRateLimitHeaders,
  async routes(api) {
    api.addHook('preValidation', (request, _reply, done) => {
      decryptPasswords(request, parts.credeblCryptoKey, request.routeOptions.config.comparedPasswords ?? [])
      done()
    })
    await sessionRoutes(api, parts)
    await passwordRoutes(api)
    await registrationRoutes(api, parts)
  },
  async besideRoutes(api) {
    await userRoutes(api, parts)
  },
})

async function sessionRoutes(api: Api, parts: ContractParts): Promise<void> {
  const { tokens, refreshKeys, credeblCryptoKey } = parts
  const jwts = createRefreshJwts(refreshKeys, 'credebl')
  const viewTokens = tokenView(tokens, jwts)

  api.post(
    '/signin',
    { schema: schemas.signIn, config: { ...login, comparedPasswords: ['password'] } },
    async (request) => {
      const grant = await signInWithPassword(request.context, request.body)
      const data = viewTokens(request.project, grant)
      return success(messages.signIn, { ...data, isRegisteredToSupabase: false, sessionId: grant.sessionId })
    },
  )

  api.post('/refresh-token', { schema: schemas.refreshToken, config: open }, async (request) => {
    const presented = jwts.read(request.body.refreshToken.trim())
    if (!presented) throw new AuthError('invalid_refresh_token')
    const grant = await refreshSession(request.context, presented)
    return success(messages.refresh, viewTokens(request.project, grant))
  })

  api.post('/signout', { schema: schemas.signOut, config: ofUser }, async (request) => {
    const { sessions: listed = [] } = request.body
    if (listed.length > 0) await revokeListedSessions(signedIn(request), listed)
    else await signOut(signedIn(request))
    return success(messages.signOut)
  })

  // The front end has only the id of the session; encrypting it proves that it may have the tokens. A client that presents an
  // access token gets that token back and no other.
  api.get('/sessionDetails', { schema: schemas.sessionDetails, config: maybeOfUser }, async (request) => {
    const { sessionId } = request.query
    const own = sessionId === undefined ? signedIn(request).actor.sessionId : null
    const id = own ?? decryptId(sessionId ?? '', credeblCryptoKey)
    const grant = id && (await findGrant(request.context, id, { ofAnyApi: own !== null }))
    if (!grant) throw new AuthError('unauthenticated')
    const tokens = own ? { access_token: bearerToken(request) ?? '' } : viewTokens(request.project, grant)
    return success(messages.sessionDetails, detailsView(grant, tokens))
  })

  api.get('/:id/sessions', { schema: schemas.listSessions, config: ofUser }, async (request) => {
    const ctx = signedIn(request)
    const { uuid } = ctx.actor.user
    if (idOf(request.params.id, 'Invalid user ID') !== uuid) throw new AuthError('not_own_account')
    const sessions = (await listSessions(ctx)).map((row) => sessionView(row, uuid))
    return success(messages.sessions, sessions)
  })

  api.delete('/:id/sessions', { schema: schemas.deleteSession, config: ofUser }, async (request) => {
    const id = idOf(request.params.id, 'Invalid session ID')
    const owner = await revokeSessionNamed(signedIn(request), id)
    if (owner === 'foreign') throw new AuthError('not_own_account')
    if (owner === 'unknown') throw new AuthError('session_unknown')
    return success(messages.deleteSession)
  })
}

async function passwordRoutes(api: Api): Promise<void> {
  api.post('/forgot-password', { schema: schemas.forgotPassword, config: mailing }, async (request) => {
    const asked = { email: request.body.email, client: clientOf(request.body) }
    const { id, email } = await requestResetForClient(request.context, asked)
    return success(messages.forgotPassword, { id, email })
  })

  api.post(
    '/password-reset/:email',
    {
      schema: schemas.passwordReset,
      config: login,
      schemaErrorFormatter: validationMessages(passwordResetRules),
    },
    async (request) => {
      const { token, password } = request.body
      const proof = { token: token.trim(), email: request.params.email }
      const user = await resetPassword(request.context, proof, password)
      return success(messages.passwordReset, accountView(user))
    },
  )

  api.post(
    '/reset-password',
    {
      schema: schemas.resetPassword,
      config: { access: 'optional', limit: 'credential', comparedPasswords: ['oldPassword'] },
    },
    async (request) => {
      const user = await changePasswordByAddress(request.context, request.body)
      return success(messages.passwordReset, accountView(user))
    },
  )
}

/** Routes beside `/auth`. */
async function userRoutes(api: Api, { publicUrl }: ContractParts): Promise<void> {
  const viewProfile = profileView(publicUrl)

  api.get('/users/profile', { schema: schemas.profile, config: ofUser }, async (request) =>
    success(messages.profile, viewProfile(signedIn(request).actor.user)),
  )
}

async function registrationRoutes(api: Api, { publicUrl }: ContractParts): Promise<void> {
  api.post(
    '/verification-mail',
    { schema: schemas.verificationMail, config: mailing },
    async (request, reply) => {
      const locale = languageOf(request)
      const { linkBase: _, ...client } = clientOf({ ...request.query, ...request.body })
      await requestRegistration(request.context, { email: request.body.email, client, locale })
      return reply.code(201).send(success(messages.verificationMail, undefined, 201))
    },
  )

  api.get('/verify', { schema: schemas.verify, config: open }, async (request, reply) => {
    const { verificationCode } = request.query
    if (!/\btext\/html\b/i.test(readHeader(request, 'accept') ?? '')) {
      const isGood = await isRegistrationOpen(request.context, verificationCode.trim())
      if (!isGood) throw new AuthError('invalid_verification_code')
      return success(messages.verify)
    }
    const query = new URLSearchParams({ project: request.project.id, verificationCode })
    return reply.redirect(`${publicUrl}/account/verify?${query}`)
  })

  api.post(
    '/signup',
    { schema: schemas.signUp, config: login, schemaErrorFormatter: validationMessages(signUpRules) },
    async (request, reply) => {
      const locale = languageOf(request)
      const { email, password, firstName, lastName, verificationCode = null } = request.body
      const facts = { email, password, firstName, lastName, locale }
      const user = await completeRegistration(request.context, facts, verificationCode?.trim() ?? null)
      return reply.code(201).send(success(messages.signUp, { userId: user.uuid }, 201))
    },
  )

  api.get('/clientAliases', { schema: schemas.clientAliases, config: open }, async (request) =>
    success(messages.clientAliases, request.project.policy.clients.map(clientView)),
  )
}
