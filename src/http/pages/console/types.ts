// The types of the API's answers, from its OpenAPI documents.
import type { components, operations } from '../../../../openapi/client/src/admin-schema.ts'
import type { components as authComponents } from '../../../../openapi/client/src/schema.ts'

type Schemas = components['schemas']

/** The body of an operation's response with status 200. */
type Answer<Name extends keyof operations> = operations[Name] extends {
  responses: { 200: { content: { 'application/json': infer Body } } }
}
  ? Body
  : never

/** A list that is loaded as a whole. */
export interface List<T> {
  readonly data: readonly T[]
}

/** A page of a list, by keyset. */
export interface Page<T> extends List<T> {
  /** Null on the last page. */
  readonly next_cursor: string | null
}

export type ProblemDocument = Schemas['Problem']
export type PasskeyRequestOptions = Schemas['PasskeyRequestOptions']
export type PasskeyCreationOptions = authComponents['schemas']['PasskeyCreationOptions']

export type Me = Schemas['Me']
export type HeldRole = Schemas['HeldRole']
export type Role = HeldRole['role']
export type Operator = Schemas['OperatorEntry']
export type NewOperator = Schemas['NewOperator']
export type SetupLink = Answer<'renewSetupLink'>
export type OperatorKey = Schemas['OperatorKey']
export type NewOperatorKey = Schemas['NewOperatorKey']

export type Project = Schemas['AdminProject']
export type ProjectWithSecret = Schemas['ProjectWithSecret']
export type Policy = Readonly<Record<string, unknown>>
export type PolicyState = Schemas['PolicyState']
export type PolicyChange = Schemas['PolicyChange']
export type PolicyResult = Schemas['PolicyResult']
export type Stats = Answer<'getStats'>
export type DayStats = Schemas['DayStats']

export type User = Schemas['AdminUser']
export type Device = Schemas['Device']
export type Session = Schemas['SessionEntry']
export type UserFactors = Schemas['UserFactors']
export type Identity = Schemas['Identity']
export type ApiKey = Schemas['ApiKey']
export type Activity = Schemas['Activity']
export type Impersonation = Schemas['Impersonation']
export type ImpersonationSession = Schemas['ImpersonationSession']

export type Team = Schemas['Team']
export type AdminTeam = Schemas['AdminTeam']
export type TeamMember = Schemas['TeamMember']

export type Mails = Answer<'listMails'>
export type Mail = Schemas['AdminMail']
export type SigningKey = Schemas['SigningKey']
export type LogEntry = Schemas['LogEntry']
export type LogVerdict = Schemas['LogVerdict']
export type Feed = Answer<'readEvents'>
export type FeedEvent = Schemas['Event']
export type Webhook = Schemas['Webhook']
export type WebhookWithSecret = Schemas['WebhookWithSecret']
export type Delivery = Schemas['Delivery']
