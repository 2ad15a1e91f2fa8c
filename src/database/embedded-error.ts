// Promises that whatever keeps the embedded PostgreSQL from running reaches the operator as a sentence.

/** Says in one or two plain sentences what is wrong with the embedded database and what to do. */
export class EmbeddedDatabaseError extends Error {
  override name = 'EmbeddedDatabaseError'
}
