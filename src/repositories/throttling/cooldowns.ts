// Rows of `cooldowns`: the time before a request may be repeated.
import { and, eq, sql } from 'drizzle-orm'
import { cooldowns as table } from '../../../drizzle/tables/cooldowns.ts'
import { now, own } from '../conditions.ts'
import { type Database, first, hasRows } from '../database.ts'

export type CooldownKind = typeof table.$inferSelect.kind

/**
 * Starts a cooldown, unless one is running, in one statement.
 * @param seconds its duration
 * @returns 0: it is started; else the whole seconds until the running one ends
 */
export async function takeCooldown(
  db: Database,
  kind: CooldownKind,
  keyHash: Buffer,
  seconds: number,
): Promise<number> {
  const { projectId } = db
  const span = sql`make_interval(secs => ${seconds}::int)`
  const taken = await hasRows(
    db.queries
      .insert(table)
      .values({ projectId, kind, keyHash })
      .onConflictDoUpdate({
        target: [table.projectId, table.kind, table.keyHash],
        set: { lastAt: now },
        setWhere: sql`${table.lastAt} <= now() - ${span}`,
      })
      .returning({ kind: table.kind }),
  )
  if (taken) return 0
  const left = sql<number>`ceil(extract(epoch from ${table.lastAt} + ${span} - now()))::int`
  const thisOne = and(own(table, db), eq(table.kind, kind), eq(table.keyHash, keyHash))
  const row = await first(db.queries.select({ left }).from(table).where(thisOne))
  return Math.max(1, row?.left ?? 1)
}
