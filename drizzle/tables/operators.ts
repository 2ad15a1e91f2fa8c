// operator_roles, operator_keys and operator_setups: who may administer the installation. Their rows belong to the built-in project
// `operators`, whose id is in project_id, so that row-level security and the deletion of accounts hold for them as for every row.
//
// An operator is an account of that project with at least one row of operator_roles. scope is the project that the role is for;
// null: every project. One role for each account and scope. The verbs keep at least one account that can sign in as an owner of all.
//
// operator_keys: active while revoked_at is null and expires_at in the future. key_prefix is the beginning of the key (sok_ and 12
// characters), by which it is looked up; key_hash the SHA-256 of the whole key, which is not stored. created_by is the UUID of the
// account that made it; null: the command line.
//
// operator_setups: links that let a person set the password of their account (user_id), or, while there is no owner, become the first
// one (user_id null). Open until used_at is set or expires_at is over; only the SHA-256 of the token is stored.
import { sql } from 'drizzle-orm'
import { pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant, opaqueId, reference } from './columns.ts'
import { projectId, projects } from './projects.ts'
import { ofUser } from './users.ts'

const scope = () => uuid('scope').references(() => projects.id, { onDelete: 'cascade' })
const role = () => text('role').$type<'owner' | 'admin' | 'support' | 'auditor' | 'viewer'>().notNull()

export const operatorRoles = pgTable(
  'operator_roles',
  {
    id: opaqueId().primaryKey(),
    projectId: uuid('project_id').notNull(),
    userId: reference('user_id').notNull(),
    scope: scope(),
    role: role(),
    createdAt: createdAt(),
  },
  (table) => [
    ofUser(table),
    uniqueIndex('operator_roles_everywhere')
      .on(table.projectId, table.userId)
      .where(sql`${table.scope} is null`),
    uniqueIndex('operator_roles_scope')
      .on(table.projectId, table.userId, table.scope)
      .where(sql`${table.scope} is not null`),
  ],
)

export const operatorKeys = pgTable(
  'operator_keys',
  {
    id: opaqueId().primaryKey(),
    projectId: projectId(),
    name: text('name').notNull(),
    keyPrefix: text('key_prefix').notNull(),
    keyHash: bytes('key_hash').notNull(),
    scope: scope(),
    role: role(),
    createdBy: uuid('created_by'),
    createdAt: createdAt(),
    expiresAt: instant('expires_at').notNull(),
    lastUsedAt: instant('last_used_at'),
    revokedAt: instant('revoked_at'),
  },
  (table) => [uniqueIndex('operator_keys_project_prefix').on(table.projectId, table.keyPrefix)],
)

export const operatorSetups = pgTable(
  'operator_setups',
  {
    id: opaqueId().primaryKey(),
    projectId: projectId(),
    userId: reference('user_id'),
    tokenHash: bytes('token_hash').notNull(),
    createdAt: createdAt(),
    expiresAt: instant('expires_at').notNull(),
    usedAt: instant('used_at'),
  },
  (table) => [
    ofUser(table),
    uniqueIndex('operator_setups_project_hash').on(table.projectId, table.tokenHash),
  ],
)
