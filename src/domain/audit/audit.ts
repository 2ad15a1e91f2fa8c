// Writes the audit trail of an account, in the transaction of the recorded change. Security events are also written to the security
// log, which remains when the account is deleted. Refusals and acts that concern no account are written only there.
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
  /** The session in which or to which it happened; null: none. Default: the actor's session, if the actor is this user. */
  readonly sessionId?: string | null
  /** The API key that acted, was created or was revoked. Default: the actor's key, if the actor is this user. */
  readonly apiKeyId?: string | null
  readonly teamId?: string | null
  readonly outcome?: 'success' | 'refused'
  /** For the security log only. */
  readonly details?: LogDetails
  /** Whether the trail has the client's network and user agent. Default: true, unless an operator acts. */
  readonly showsCaller?: boolean
}

/** Events without relevance for security. The log has them only if an operator acted. */
const unlogged: ReadonlySet<AuditEventName> = new Set([
  'profile_updated',
  'avatar_updated',
  'avatar_removed',
  'team_created',
])

/** Writes an event to the audit trail, and to the security log, in the context's transaction. */
export function record(ctx: Context, event: AuditEventName, facts: AuditFacts): Promise<void> {
  const { actor, caller, store } = ctx
  const own = actor?.user.id === facts.userId ? actor : null
  // The owner of the account does not see the operator's network; the security log has it.
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

/** Writes the event for each of the given sessions of the user, in one statement. */
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

/** Writes an event that a stranger can cause for an address. The statements are the same whether or not it has an account. */
export async function recordByEmail(ctx: Context, event: AuditEventName, email: string): Promise<void> {
  const { addressPrefix, userAgent } = ctx.operator ? operatorCaller : ctx.caller
  await insertAuditEventByEmail(ctx.store, email, { event, addressPrefix, userAgent })
  await recordInLog(ctx, event, { email })
}

/** Facts of a row that is written to the security log only. */
export interface LogFacts {
  /** UUID of the account. Default: the account of `email`. */
  readonly account?: string | null
  /** The normalized address of the request. */
  readonly email?: string | null
  readonly sessionId?: string | null
  readonly details?: LogDetails
}

/** Writes a row to the security log only, in the context's transaction. */
export async function recordInLog(
  ctx: Context,
  event: SecurityEventName,
  facts: LogFacts = {},
): Promise<void> {
  await insert(ctx, event, 'success', facts)
}

/**
 * Writes a refusal to the security log, and reports it to the observer with the account's UUID and the client's network, but no
 * e-mail address or secret. Must not be called in a transaction that the refusal rolls back.
 * @param reason the reason for operators, which the response may not contain
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

/** HMAC that the log has in place of an address without an account. */
export const logAddressHash = (lookupKey: Buffer, email: string) => keyedHash(lookupKey, 'log', email)

/**
 * The actor and client of an event. A back end that presents the project's secret counts as an operator, unless it acts for a user
 * who is authenticated.
 * @param own whether the actor is the account that the event concerns, or has just proven to be
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
      // In an impersonation, the operator acted.
      ...(actor?.impersonator && { by: actor.impersonator }),
    },
  }
}

/** How the security log names an operator. */
export const operatorDetails = ({ via, by, keyId }: OperatorAct): LogDetails => ({
  via,
  ...(by && { by }),
  ...(keyId && { operator_key_id: keyId }),
})
