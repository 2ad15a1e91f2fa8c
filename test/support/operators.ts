// Operators of the admin API, by a session of the project `operators`.
import { randomUUID } from 'node:crypto'
import { operatorContext } from '../../src/domain/context.ts'
import type { Role } from '../../src/domain/operators/roles.ts'
import { createUser } from '../../src/domain/operators/users.ts'
import { operatorsProjectId } from '../../src/domain/projects/operators-project.ts'
import { setPolicy } from '../../src/domain/projects/projects.ts'
import { putRole } from '../../src/repositories/operators/roles.ts'
import type { Answer, RequestOptions, TestApp } from './app.ts'
import { wideLimits } from './app.ts'
import { servicesOn } from './domain.ts'

export interface TestOperator {
  readonly email: string
  readonly password: string
  readonly uuid: string
  readonly token: string
  /** Sends a request to `/api/admin<path>` as this operator. */
  admin(method: string, path: string, options?: RequestOptions): Promise<Answer>
}

/** A role for a project; null: for every one. */
export type Held = readonly [role: Role, scope: string | null]

let operators = 0
const password = 'a long operator password'

/** Sends a request to the canonical API in the project of the operators. */
export const inOperators = (app: TestApp, method: string, path: string, options: RequestOptions = {}) =>
  app.send(method, `/api/auth${path}`, {
    ...options,
    headers: { 'project-id': operatorsProjectId, ...options.headers },
  })

/** The parts of a running service that are needed to create an operator. */
export type OperatorsHome = Pick<TestApp, 'sql'> & {
  readonly running: Pick<TestApp['running'], 'awaitChanges'>
}

/** Lets operators sign in by their password alone; second factors have tests of their own. */
export async function sparingFactors(app: OperatorsHome): Promise<void> {
  const { services } = domainOf(app)
  await setPolicy(services, operatorsProjectId, {
    ...wideLimits,
    sign_up: 'closed',
    factors: { required: 'never' },
    sessions: { notify_new_device: false },
  })
  await app.running.awaitChanges()
}

/** Services on the test's own connections, and a context of the project of the operators. */
export function domainOf(app: Pick<TestApp, 'sql'>) {
  const services = servicesOn(app.sql)
  const ctx = async () => operatorContext(services, await services.projects.getAny(operatorsProjectId))
  return { services, ctx }
}

/** An account of the project of the operators with these roles, without a session. */
export async function newOperatorAccount(app: Pick<TestApp, 'sql'>, held: readonly Held[]) {
  const ctx = await domainOf(app).ctx()
  const email = `operator-${process.pid}-${++operators}@example.com`
  const user = await createUser(ctx, { email, password, verified: true })
  for (const [role, scope] of held)
    await putRole(ctx.store, { id: randomUUID(), userId: user.id, role, scope })
  return { email, password, uuid: user.uuid, userId: user.id }
}

/** An operator who has signed in. */
export async function newOperator(app: TestApp, ...held: readonly Held[]): Promise<TestOperator> {
  const account = await newOperatorAccount(app, held)
  const { email } = account
  const answer = await inOperators(app, 'POST', '/login', { body: { email, password } })
  if (answer.status !== 200) throw new Error(`no sign-in: ${JSON.stringify(answer.body)}`)
  const token: string = answer.body.access_token
  return { ...account, token, admin: adminWith(app, { authorization: `Bearer ${token}` }) }
}

/** Sends requests to the admin API with these headers. */
export const adminWith =
  (app: TestApp, credentials: Record<string, string>): TestOperator['admin'] =>
  (method, path, { headers = {}, body } = {}) =>
    app.send(method, `/api/admin${path}`, { headers: { ...credentials, ...headers }, body })

/** The header of a back end with the secret of its project (RFC 7617). */
export const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
})
