// The types of the API's answers, from its OpenAPI documents.
import type { components, operations } from '../../../../openapi/client/src/admin-schema.ts'
import type { operations as authOperations } from '../../../../openapi/client/src/schema.ts'

type Schemas = components['schemas']

/** The body of an operation's response with a status such as 200. */
type BodyOf<Operation, Status extends number> = Operation extends {
  responses: { [S in Status]: { content: { 'application/json': infer Body } } }
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

/** Answers of the canonical API about the operator's own account. */
export type OwnFactors = BodyOf<authOperations['listFactors'], 200>
export type AuthenticatorProposal = BodyOf<authOperations['proposeAuthenticator'], 201>
export type NewRecoveryCodes = BodyOf<authOperations['confirmAuthenticator'], 200>
export type PasskeyRegistration = BodyOf<authOperations['getPasskeyRegistrationOptions'], 200>
export type PasskeySignIn = BodyOf<authOperations['getPasskeySignInOptions'], 200>
export type PasskeyCreationOptions = PasskeyRegistration['options']

export type Me = Schemas['Me']
export type HeldRole = Schemas['HeldRole']
export type Role = HeldRole['role']
export type Operator = Schemas['OperatorEntry']
export type NewOperator = Schemas['NewOperator']
export type SetupLink = BodyOf<operations['renewSetupLink'], 200>
export type OperatorKey = Schemas['OperatorKey']
export type NewOperatorKey = Schemas['NewOperatorKey']

export type Project = Schemas['AdminProject']
export type ProjectWithSecret = Schemas['ProjectWithSecret']
export type Policy = Readonly<Record<string, unknown>>
export type PolicyState = Schemas['PolicyState']
export type PolicyChange = Schemas['PolicyChange']
export type PolicyResult = Schemas['PolicyResult']
export type Stats = BodyOf<operations['getStats'], 200>
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

export type Mails = BodyOf<operations['listMails'], 200>
export type Mail = Schemas['AdminMail']
export type SigningKey = Schemas['SigningKey']
export type LogEntry = Schemas['LogEntry']
export type LogVerdict = Schemas['LogVerdict']
export type Feed = BodyOf<operations['readEvents'], 200>
export type FeedEvent = Schemas['Event']
export type Webhook = Schemas['Webhook']
export type WebhookWithSecret = Schemas['WebhookWithSecret']
export type Delivery = Schemas['Delivery']
