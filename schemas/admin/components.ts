// The schemas that the document of the admin API names and SDKs make types of.
import { Problem } from '../errors.ts'
import { RequestOptions } from '../webauthn.ts'
import { HeldRole, Me } from './operators.ts'
import { projectSchemas } from './projects.ts'

export const adminSchemas = [Problem, RequestOptions, Me, HeldRole, ...projectSchemas]
