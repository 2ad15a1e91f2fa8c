// Rows of `registrations`: opened, proven once, consumed by the account that is made.
import { and, desc, eq, gt, isNotNull, isNull, lt, ne, sql } from 'drizzle-orm'
import { registrations } from '../../drizzle/tables/registrations.ts'
import { type Database, first } from './database.ts'

const table = registrations

export interface NewRegistration {
  readonly id: string
  readonly projectId: string
  readonly keyHash: Buffer
  readonly tokenHash: Buffer
  readonly codeHash: Buffer
  readonly lifetimeSeconds: number
}

export function registrationsRepository(db: Database) {
  const waiting = and(isNull(table.provenAt), isNull(table.supersededAt))
  const alive = gt(table.expiresAt, sql`now()`)
  const inSeconds = (seconds: number) => sql`now() + make_interval(secs => ${seconds}::int)`
  const ofKey = (projectId: string, keyHash: Buffer) =>
    and(eq(table.projectId, projectId), eq(table.keyHash, keyHash))
  const proven = (projectId: string, keyHash: Buffer) =>
    and(ofKey(projectId, keyHash), isNotNull(table.provenAt), alive)

  return {
    /** Opens one, and supersedes what was asked for the same address before and is not proven. */
    async add({ lifetimeSeconds, ...row }: NewRegistration): Promise<void> {
      const queries = db.of(row.projectId)
      await queries.insert(table).values({ ...row, expiresAt: inSeconds(lifetimeSeconds) })
      await queries
        .update(table)
        .set({ supersededAt: sql`now()` })
        .where(and(ofKey(row.projectId, row.keyHash), ne(table.id, row.id), waiting))
    },

    /** Lets one live its whole life from now on, because its mail is about to be sent; false: it is no longer owed. */
    async renew(projectId: string, id: string, lifetimeSeconds: number): Promise<boolean> {
      const rows = await db
        .of(projectId)
        .update(table)
        .set({ expiresAt: inSeconds(lifetimeSeconds) })
        .where(and(eq(table.projectId, projectId), eq(table.id, id), waiting))
        .returning({ id: table.id })
      return rows.length > 0
    },

    async isOpen(projectId: string, tokenHash: Buffer): Promise<boolean> {
      const rows = await db
        .of(projectId)
        .select({ id: table.id })
        .from(table)
        .where(and(eq(table.projectId, projectId), eq(table.tokenHash, tokenHash), waiting, alive))
      return rows.length > 0
    },

    /** Marks the address of a token as proven for `seconds`, once; false when the token is none that is open. */
    async prove(projectId: string, tokenHash: Buffer, seconds: number): Promise<boolean> {
      const rows = await db
        .of(projectId)
        .update(table)
        .set({ provenAt: sql`now()`, expiresAt: inSeconds(seconds) })
        .where(and(eq(table.projectId, projectId), eq(table.tokenHash, tokenHash), waiting, alive))
        .returning({ id: table.id })
      return rows.length > 0
    },

    /** The same by a short code; its try is counted in the same statement, whether or not it fits. */
    async proveByCode(
      projectId: string,
      keyHash: Buffer,
      codeHash: Buffer,
      maxAttempts: number,
      seconds: number,
    ): Promise<boolean> {
      const newest = db
        .of(projectId)
        .select({ id: table.id })
        .from(table)
        .where(and(ofKey(projectId, keyHash), waiting, alive))
        .orderBy(desc(table.createdAt))
        .limit(1)
      const fits = sql`${table.codeHash} = ${codeHash}`
      const row = first(
        await db
          .of(projectId)
          .update(table)
          .set({
            codeAttempts: sql`${table.codeAttempts} + 1`,
            provenAt: sql`case when ${fits} then now() end`,
            expiresAt: sql`case when ${fits} then ${inSeconds(seconds)} else ${table.expiresAt} end`,
          })
          .where(and(eq(table.id, sql`(${newest})`), lt(table.codeAttempts, maxAttempts), waiting, alive))
          .returning({ provenAt: table.provenAt }),
      )
      return Boolean(row?.provenAt)
    },

    async isProven(projectId: string, keyHash: Buffer): Promise<boolean> {
      const rows = await db
        .of(projectId)
        .select({ id: table.id })
        .from(table)
        .where(proven(projectId, keyHash))
        .limit(1)
      return rows.length > 0
    },

    /** Takes the proof of an address, once; false when there is none. */
    async consume(projectId: string, keyHash: Buffer): Promise<boolean> {
      const rows = await db
        .of(projectId)
        .delete(table)
        .where(proven(projectId, keyHash))
        .returning({ id: table.id })
      return rows.length > 0
    },
  }
}
