// CREDEBL's documented API: bearer tokens, a refresh token as a JWT, sessions by id, and mails in a front end's name.
import {
  CredeblError,
  clientAliases,
  deleteSession,
  forgotPassword,
  listSessions,
  messages,
  passwordReset,
  refreshToken,
  resetPassword,
  signIn as signInSchema,
  signOut,
  signUp,
  verificationMail,
  verify,
} from '../../../../schemas/contracts/credebl.ts'
import { AuthError } from '../../../domain/errors.ts'
import { callerOf } from '../../caller.ts'
import { preferredLanguage } from '../../language.ts'
import { signedIn } from '../../plugins/authenticate.ts'
import { showStanding } from '../../plugins/rate-limits.ts'
import { createRefreshJwts } from '../../refresh-jwts.ts'
import { bearerToken } from '../../strategies/bearer.ts'
import type { Api } from '../../typebox.ts'
import type { BuildContract, ContractParts } from '../mount.ts'
import { speaking } from '../sentences.ts'
import { answer, passwordResetRules, rules, signUpRules } from './errors.ts'
import { accountView, clientView, frontEndOf, idOf, said, sessionView, tokenView } from './map.ts'

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
  shared: [CredeblError],
  answer,
  rules,
  presented: bearerToken,
  limits: parts.limits,
  show: showStanding,
  async routes(api) {
    await sessionRoutes(api, parts)
    await passwordRoutes(api, parts)
    await registrationRoutes(api, parts)
  },
})

async function sessionRoutes(api: Api, { domain, tokens, refreshKeys }: ContractParts): Promise<void> {
  const { signIn, sessions, sessionEnds } = domain
  const jwts = createRefreshJwts(refreshKeys)
  const viewTokens = tokenView(tokens, jwts)

  api.post(
    '/signin',
    { schema: signInSchema, config: { access: 'public', limit: 'credential' } },
    async (request) => {
      const grant = await signIn.withPassword(request.project, request.body, callerOf(request))
      const data = viewTokens(request.project, grant)
      return said(messages.signIn, { ...data, isRegisteredToSupabase: false, sessionId: grant.sessionId })
    },
  )

  api.post(
    '/refresh-token',
    { schema: refreshToken, config: { access: 'public', limit: 'read' } },
    async (request) => {
      const presented = jwts.read(request.body.refreshToken.trim())
      if (!presented) throw new AuthError('invalid_refresh_token')
      const grant = await sessions.refresh(request.project, presented)
      return said(messages.refresh, viewTokens(request.project, grant))
    },
  )

  api.post('/signout', { schema: signOut, config: { access: 'user', limit: 'read' } }, async (request) => {
    const { sessions: listed = [] } = request.body
    const { project } = request
    const principal = signedIn(request)
    if (listed.length > 0) await sessionEnds.listed(project, principal, listed, callerOf(request))
    else await sessions.end(project, principal, callerOf(request))
    return said(messages.signOut)
  })

  api.get(
    '/:id/sessions',
    { schema: listSessions, config: { access: 'user', limit: 'read' } },
    async (request) => {
      const principal = signedIn(request)
      const { uuid } = principal.user
      if (idOf(request.params.id, 'Invalid user ID') !== uuid) throw new AuthError('not_own_account')
      const rows = await sessions.list(request.project, principal)
      return said(
        messages.sessions,
        rows.map((row) => sessionView(row, uuid)),
      )
    },
  )

  api.delete(
    '/:id/sessions',
    { schema: deleteSession, config: { access: 'user', limit: 'read' } },
    async (request) => {
      const id = idOf(request.params.id, 'Invalid session ID')
      const whose = await sessionEnds.one(request.project, signedIn(request), id, callerOf(request))
      if (whose === 'foreign') throw new AuthError('not_own_account')
      if (whose === 'unknown') throw new AuthError('session_unknown')
      return said(messages.deleteSession)
    },
  )
}

async function passwordRoutes(api: Api, { domain }: ContractParts): Promise<void> {
  const { recovery, passwordChange } = domain

  api.post(
    '/forgot-password',
    { schema: forgotPassword, config: { access: 'public', limit: 'mail' } },
    async (request) => {
      const asked = { email: request.body.email, frontEnd: frontEndOf(request.body) }
      const { id, email } = await recovery.requestForFrontEnd(request.project, asked, callerOf(request))
      return said(messages.forgotPassword, { id, email })
    },
  )

  api.post(
    '/password-reset/:email',
    {
      schema: passwordReset,
      config: { access: 'public', limit: 'credential' },
      schemaErrorFormatter: speaking(passwordResetRules),
    },
    async (request) => {
      const { token, password } = request.body
      const proof = { token: token.trim(), email: request.params.email }
      const user = await recovery.reset(request.project, proof, password, callerOf(request))
      return said(messages.passwordReset, accountView(user))
    },
  )

  api.post(
    '/reset-password',
    { schema: resetPassword, config: { access: 'optional', limit: 'credential' } },
    async (request) => {
      const { project, principal, body } = request
      const user = await passwordChange.changeByAddress(project, principal, callerOf(request), body)
      return said(messages.passwordReset, accountView(user))
    },
  )
}

async function registrationRoutes(api: Api, { domain, publicUrl }: ContractParts): Promise<void> {
  const { registration } = domain

  api.post(
    '/verification-mail',
    { schema: verificationMail, config: { access: 'public', limit: 'mail' } },
    async (request) => {
      const locale = preferredLanguage(request.headers['accept-language'])
      const { linkBase: _, ...frontEnd } = frontEndOf({ ...request.query, ...request.body })
      const { email } = request.body
      await registration.request(request.project, { email, frontEnd, locale }, callerOf(request))
      return said(messages.verificationMail)
    },
  )

  api.get('/verify', { schema: verify, config: { access: 'public', limit: 'read' } }, (request, reply) => {
    const { verificationCode } = request.query
    const query = new URLSearchParams({ project: request.project.id, verificationCode })
    return reply.redirect(`${publicUrl}/account/verify?${query}`)
  })

  api.post(
    '/signup',
    {
      schema: signUp,
      config: { access: 'public', limit: 'credential' },
      schemaErrorFormatter: speaking(signUpRules),
    },
    async (request, reply) => {
      const locale = preferredLanguage(request.headers['accept-language'])
      const user = await registration.complete(
        request.project,
        { ...request.body, locale },
        callerOf(request),
      )
      return reply.code(201).send(said(messages.signUp, { userId: user.uuid }, 201))
    },
  )

  api.get(
    '/clientAliases',
    { schema: clientAliases, config: { access: 'public', limit: 'read' } },
    async (request) => said(messages.clientAliases, request.project.policy.clients.map(clientView)),
  )
}
