// Routes that exist only for projects with an issuer of their own.
import { AuthError } from '../../domain/errors.ts'
import { RequestProblem } from '../refusal.ts'
import { plugin } from './plugin.ts'

/** Answers 404 for other projects and for unknown ones, so that clients cannot distinguish them. */
export const issuing = plugin('issuing', async (api) => {
  api.addHook('onRequest', (request, _reply, done) => {
    const isIssuer = request.project.policy.tokens.issuer === 'project'
    done(isIssuer ? undefined : new RequestProblem('route_not_found'))
  })
  // Errors that this handler throws are handled by the error handler of the parent scope.
  api.setErrorHandler((error) => {
    const isUnknown = error instanceof AuthError && error.code === 'project_unknown'
    throw isUnknown ? new RequestProblem('route_not_found') : error
  })
})
