// The schemas that the document of the admin API names and SDKs make types of.
import { Problem } from '../errors.ts'
import { Session } from '../sessions.ts'
import { User } from '../users.ts'
import { RequestOptions } from '../webauthn.ts'
import { operatorSchemas } from './operators.ts'
import { projectSchemas } from './projects.ts'

export const adminSchemas = [Problem, RequestOptions, Session, User, ...operatorSchemas, ...projectSchemas]
