// Column types shared by all tables: ids, instants, hashes.
import { bigint, customType, timestamp, uuid } from 'drizzle-orm/pg-core'

/** An instant with milliseconds, always with its zone; read as a Date. */
export const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' })

export const createdAt = () => instant('created_at').notNull().defaultNow()

/** A random UUID, which may be shown to callers that may read the row. */
export const opaqueId = (name = 'id') => uuid(name)

/** A number that grows with each row; the API shows it for users. */
export const serialId = () => bigint('id', { mode: 'number' }).primaryKey().generatedByDefaultAsIdentity()

export const reference = (name: string) => bigint(name, { mode: 'number' })

/** Bytes: hashes, sealed keys. */
export const bytes = customType<{ data: Buffer; driverData: Buffer }>({
  dataType: () => 'bytea',
})
