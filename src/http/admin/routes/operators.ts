// GET /me: who asks.
import * as schemas from '../../../../schemas/admin/operators.ts'
import { permissionsOf } from '../../../domain/operators/operator.ts'
import { operatorsProjectId } from '../../../domain/projects/operators-project.ts'
import type { Api } from '../../typebox.ts'
import { may, operatorOf } from '../authorize.ts'

export async function meRoutes(api: Api): Promise<void> {
  api.get('/me', { schema: schemas.me, config: may('me.read') }, async (request) => {
    const operator = operatorOf(request)
    const { kind, id, name, held } = operator
    return {
      ...{ kind, id, name },
      roles: held.map(({ role, scope }) => ({ role, scope })),
      permissions: permissionsOf(operator),
      operators_project_id: operatorsProjectId,
      server_time: new Date().toISOString(),
    }
  })
}
