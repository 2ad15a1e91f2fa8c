// The cost of the event feed and the security log for a sign-in and a refresh: the service with and without them.
import { planFor } from '../crowd.ts'
import { atLeast, type Bench, pace } from '../figures.ts'
import type { Kind } from '../load.ts'
import { alternate, type Figure, rate } from '../rounds.ts'
import { stage, startCrowds } from '../stage.ts'

/** The rate with both as a fraction of the rate without. A refresh writes neither. */
export async function events(bench: Bench): Promise<Figure[]> {
  const { place, service } = await stage(bench, 'bench_events')
  const { regulars, load } = await startCrowds(place, service)
  const { sql } = place
  await sql.unsafe(`create function skip_row() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger skip_row before insert on security_log for each row execute function skip_row();
    alter table security_log disable trigger skip_row`)
  async function write(isOn: boolean): Promise<void> {
    await sql.unsafe(`alter table sessions ${isOn ? 'enable' : 'disable'} trigger sessions_events;
      alter table security_log ${isOn ? 'disable' : 'enable'} trigger skip_row`)
  }
  const by = (kind: Kind, isOn: boolean) => async (seconds: number) => {
    await write(isOn)
    const crowd = kind === 'login' ? regulars : load
    // Statements are planned anew after a change of their tables.
    await crowd.run(planFor(place, service, { kind, seconds: 0.5, manyAddresses: true }))
    return (await crowd.run(planFor(place, service, { kind, seconds, manyAddresses: true }))).perSecond
  }
  const figures: Figure[] = []
  for (const kind of ['login', 'refresh'] as const) {
    const found = await alternate(
      `${kind} with events and log`,
      pace(bench.quick, 9, 4),
      rate,
      by(kind, true),
      {
        without: by(kind, false),
      },
    )
    figures.push(atLeast(`${kind} with events and log / without them`, 0.95, found.without))
  }
  const [counted] = await sql<{ events: number; logged: number }[]>`
    select (select count(*) from events)::int as events, (select count(*) from security_log)::int as logged`
  if (!counted?.events || !counted.logged) throw new Error('Nothing was written with them either.')
  return figures
}
