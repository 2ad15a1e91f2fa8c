// The audit trail: what happened to an account, written in the transaction that does it. An event of security also stands in
// the security log, which outlives the account; refusals, and acts on no account, stand there alone.
import { keyedHash } from '../../crypto/secrets.ts'
import {
  insertAuditEvent,
  insertAuditEventByEmail,
  insertAuditEventsForSessions,
} from '../../repositories/audit/audit-events.ts'
import {
  insertLogRow,
  type LogCircumstances,
  type LogDetails,
  type SecurityEventName,
} from '../../repositories/audit/security-log.ts'
import type { AuditEventName } from '../../repositories/database.ts'
import { type OperatorAct, operatorCaller } from '../actor.ts'
import type { Context } from '../context.ts'

export interface AuditFacts {
  readonly userId: number
  /** The session in which, or to which, it happened; default: the actor's, if the actor is this user. Null: none. */
  readonly sessionId?: string | null
  /** The API key that acted, was made or was revoked; default: the actor's, if the actor is this user. */
  readonly apiKeyId?: string | null
  readonly teamId?: string | null
  readonly outcome?: 'success' | 'refused'
  /** For the security log alone. */
  readonly details?: LogDetails
  /** False: the client's address and agent are not written down, because the user did not act. Default: true. */
  readonly showsCaller?: boolean
}

/** Events that concern the account's looks alone; an operator's act is logged whatever it is. */
const unlogged: ReadonlySet<AuditEventName> = new Set([
  'profile_updated',
  'avatar_updated',
  'avatar_removed',
  'team_created',
])

/** Writes an event on the context's store, so that it is there exactly when its cause is. Holds no secret. */
export function record(ctx: Context, event: AuditEventName, facts: AuditFacts): Promise<void> {
  const { actor, caller, store } = ctx
  const own = actor?.user.id === facts.userId ? actor : null
  // The owner of the account is not shown where an operator sits; the log has it.
  const showsCaller = facts.showsCaller ?? ctx.operator === null
  const apiKeyId = facts.apiKeyId === undefined ? (own?.key?.id ?? null) : facts.apiKeyId
  const teamId = facts.teamId ?? null
  const logged = circumstances(ctx, own !== null, {
    ...facts.details,
    ...(apiKeyId && { api_key_id: apiKeyId }),
    ...(teamId && { team_id: teamId }),
  })
  return insertAuditEvent(
    store,
    {
      userId: facts.userId,
      event,
      sessionId: facts.sessionId === undefined ? (own?.sessionId ?? null) : facts.sessionId,
      apiKeyId,
      teamId,
      outcome: facts.outcome ?? 'success',
      addressPrefix: showsCaller ? caller.addressPrefix : null,
      userAgent: showsCaller ? caller.userAgent : null,
    },
    unlogged.has(event) && logged.actor !== 'operator' ? null : logged,
  )
}

/** Writes the event for each of the user's sessions that are named, in one statement. */
export function recordForSessions(
  ctx: Context,
  event: AuditEventName,
  userId: number,
  sessionIds: readonly string[],
): Promise<void> {
  const { addressPrefix, userAgent } = ctx.operator ? operatorCaller : ctx.caller
  const facts = { userId, event, outcome: 'success', addressPrefix, userAgent } as const
  const logged = circumstances(ctx, ctx.actor?.user.id === userId)
  return insertAuditEventsForSessions(ctx.store, facts, sessionIds, logged)
}

/** Writes an event that anybody may cause for an address: the same statements whether or not it has an account. */
export async function recordByEmail(ctx: Context, event: AuditEventName, email: string): Promise<void> {
  const { addressPrefix, userAgent } = ctx.operator ? operatorCaller : ctx.caller
  await insertAuditEventByEmail(ctx.store, email, { event, addressPrefix, userAgent })
  await recordInLog(ctx, event, { email })
}

/** Something that concerns no row of an account: a refusal, an act on the project, the end of an account. */
export interface LogFacts {
  /** UUID of the account; default: the one of `email`. */
  readonly account?: string | null
  /** The normalized address that was given. */
  readonly email?: string | null
  readonly sessionId?: string | null
  readonly details?: LogDetails
}

/** Writes a row of the security log alone, on the context's store. */
export async function recordInLog(
  ctx: Context,
  event: SecurityEventName,
  facts: LogFacts = {},
): Promise<void> {
  await insert(ctx, event, 'success', facts)
}

/**
 * Writes a refusal to the security log, and reports it for the log lines: with the account's UUID and the network of the
 * client, never with an address or a secret. To be called outside of a transaction that the refusal rolls back.
 * @param reason why it was refused, which the answer may not say
 */
export async function recordRefusal(
  ctx: Context,
  event: SecurityEventName,
  reason: string,
  facts: LogFacts = {},
): Promise<void> {
  const { project, caller, services } = ctx
  const details = { ...facts.details, reason }
  const account = await insert(ctx, event, 'refused', { ...facts, details })
  const { addressPrefix } = caller
  services.observer.refused({ event, reason, projectId: project.id, account, addressPrefix })
}

/** @returns the UUID of the account that the row names */
function insert(
  ctx: Context,
  event: SecurityEventName,
  outcome: 'success' | 'refused',
  { account = null, email = null, sessionId, details }: LogFacts,
): Promise<string | null> {
  const own = account !== null && ctx.actor?.user.uuid === account
  return insertLogRow(ctx.store, {
    ...circumstances(ctx, own, details),
    ...(sessionId !== undefined && { sessionId }),
    event,
    outcome,
    account,
    email,
    addressHash: email === null ? null : logAddressHash(ctx.services.keys.lookup, email),
  })
}

/** HMAC under which the log keeps an address that has no account. */
export const logAddressHash = (lookupKey: Buffer, email: string) => keyedHash(lookupKey, 'log', email)

/**
 * Who acted, and from where. A back end that presents the project's secret acts as an operator, unless the user proves
 * themselves through it.
 * @param own whether the actor is, or is now proven to be, the account that it concerns
 */
export function circumstances(ctx: Context, own: boolean, details: LogDetails = {}): LogCircumstances {
  const { actor, caller, operator } = ctx
  const { addressPrefix, userAgent } = caller
  const via = operator ? operator.via : caller.provesProject ? 'project_secret' : undefined
  const person = actor?.key ? 'api_key' : actor || own ? 'user' : 'none'
  return {
    actor: operator || (via && !own) ? 'operator' : person,
    addressPrefix,
    userAgent,
    sessionId: actor?.sessionId ?? null,
    details: {
      ...details,
      ...(via && { via }),
      ...(actor && !own && { by: actor.user.uuid }),
      ...(operator && operatorDetails(operator)),
      // An operator acts as the user, in a session of the user's.
      ...(actor?.impersonator && { by: actor.impersonator }),
    },
  }
}

/** Who acts as an operator, as the log names them. */
export const operatorDetails = ({ via, by, keyId }: OperatorAct): LogDetails => ({
  via,
  ...(by && { by }),
  ...(keyId && { operator_key_id: keyId }),
})
