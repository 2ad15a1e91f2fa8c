// A clock that tests advance. In the database of a test, `now()` and `clock_timestamp()` are functions of ours that add the time by
// which the clock was advanced, so every statement, default and trigger of the service sees that time and none has to be changed.
// The server's own functions stay under other names, and no row is rewritten.
import type { Sql } from 'postgres'

/** The functions of PostgreSQL that tell the time to our statements, and whether their result holds for a whole statement. */
const functions = { now: 'stable', clock_timestamp: 'volatile' } as const

/**
 * Puts the clock into an empty database: expressions that are there already keep the server's time.
 * @param sql a connection as the superuser of a server that serves tests alone
 */
export async function installClock(sql: Sql): Promise<void> {
  await sql.begin(async (tx) => {
    await tx.unsafe(`create schema test_clock;
      create table test_clock.advanced (by interval not null);
      insert into test_clock.advanced values ('0');
      grant usage on schema test_clock to public;
      grant select on test_clock.advanced to public;`)
    for (const [name, volatility] of Object.entries(functions))
      await tx.unsafe(`alter function pg_catalog.${name}() rename to server_${name};
        create function pg_catalog.${name}() returns timestamptz language sql ${volatility} parallel safe
          as 'select pg_catalog.server_${name}() operator(pg_catalog.+) (select by from test_clock.advanced)';`)
  })
}

/** Advances the clock for every session at once. @param seconds more than 0 */
export async function advanceClock(sql: Sql, seconds: number): Promise<void> {
  await sql`update test_clock.advanced set by = by + make_interval(secs => ${seconds})`
}

/** The time of the database, to which the service keeps. */
export async function readClock(sql: Sql): Promise<Date> {
  const [row] = await sql`select clock_timestamp() as now`
  return row?.now
}
