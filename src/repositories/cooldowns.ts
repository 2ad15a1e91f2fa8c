// Rows of `cooldowns`.
import { and, eq, sql } from 'drizzle-orm'
import { cooldowns } from '../../drizzle/tables/cooldowns.ts'
import { type Database, first } from './database.ts'

type Kind = typeof cooldowns.$inferSelect.kind

export function cooldownsRepository(db: Database) {
  return {
    /** Takes the cooldown in one statement; 0 when taken, else the whole seconds until it can be taken. */
    async take(projectId: string, kind: Kind, keyHash: Buffer, seconds: number): Promise<number> {
      const span = sql`make_interval(secs => ${seconds}::int)`
      const taken = await db
        .of(projectId)
        .insert(cooldowns)
        .values({ projectId, kind, keyHash })
        .onConflictDoUpdate({
          target: [cooldowns.projectId, cooldowns.kind, cooldowns.keyHash],
          set: { lastAt: sql`now()` },
          setWhere: sql`${cooldowns.lastAt} <= now() - ${span}`,
        })
        .returning({ kind: cooldowns.kind })
      if (taken.length > 0) return 0
      const row = first(
        await db
          .of(projectId)
          .select({
            left: sql<number>`ceil(extract(epoch from ${cooldowns.lastAt} + ${span} - now()))::int`,
          })
          .from(cooldowns)
          .where(
            and(eq(cooldowns.projectId, projectId), eq(cooldowns.kind, kind), eq(cooldowns.keyHash, keyHash)),
          ),
      )
      return Math.max(1, row?.left ?? 1)
    },
  }
}
