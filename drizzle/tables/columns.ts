// The house's column vocabulary: every table spells an id, an instant and a hash the same way.
import { bigint, customType, timestamp, uuid } from 'drizzle-orm/pg-core'

/** An instant with milliseconds, always with its zone; read as a Date. */
export const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' })

export const createdAt = () => instant('created_at').notNull().defaultNow()

/** An opaque id that may be shown to anybody who may see the row. */
export const opaqueId = (name = 'id') => uuid(name)

/** A number that grows with each row; users carry it on the wire because Noma's documents do. */
export const serialId = () => bigint('id', { mode: 'number' }).primaryKey().generatedByDefaultAsIdentity()

export const reference = (name: string) => bigint(name, { mode: 'number' })

/** Bytes: hashes, sealed keys. */
export const bytes = customType<{ data: Buffer; driverData: Buffer }>({
  dataType: () => 'bytea',
})
