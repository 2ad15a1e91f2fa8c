// The schemas that the document of the admin API names and SDKs make types of.
import { Problem } from '../errors.ts'
import { Device, Session } from '../sessions.ts'
import { User } from '../users.ts'
import { RequestOptions } from '../webauthn.ts'
import { auditSchemas } from './audit.ts'
import { eventSchemas } from './events.ts'
import { operationSchemas } from './operations.ts'
import { operatorKeySchemas } from './operator-keys.ts'
import { operatorSchemas } from './operators.ts'
import { projectSchemas } from './projects.ts'
import { teamSchemas } from './teams.ts'
import { detailSchemas } from './user-details.ts'
import { UserFactors } from './user-factors.ts'
import { AdminUser } from './users.ts'

export const adminSchemas = [
  Problem,
  RequestOptions,
  Session,
  User,
  ...operatorSchemas,
  ...operatorKeySchemas,
  ...projectSchemas,
  AdminUser,
  Device,
  ...detailSchemas,
  UserFactors,
  ...teamSchemas,
  ...operationSchemas,
  ...auditSchemas,
  ...eventSchemas,
]
