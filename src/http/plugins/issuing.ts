// Paths that are there only for projects with an issuer of their own.
import { AuthError } from '../../domain/errors.ts'
import { RequestProblem } from '../refusal.ts'
import { plugin } from './plugin.ts'

/** Refuses every other project, and one that does not exist, like a path that is none: who asks cannot tell them apart. */
export const issuing = plugin('issuing', async (api) => {
  api.addHook('onRequest', (request, _reply, done) => {
    const isIssuer = request.project.policy.tokens.issuer === 'project'
    done(isIssuer ? undefined : new RequestProblem('route_not_found'))
  })
  // What this throws goes on to the handler above.
  api.setErrorHandler((error) => {
    const isUnknown = error instanceof AuthError && error.code === 'project_unknown'
    throw isUnknown ? new RequestProblem('route_not_found') : error
  })
})
