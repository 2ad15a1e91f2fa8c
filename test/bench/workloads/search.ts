// Time of the first page and of every kind of search among ten million users.
import { makePlace, type Place, serve } from '../crowd.ts'
import type { Bench } from '../figures.ts'
import type { Running } from '../processes.ts'
import { type Figure, median, ms } from '../rounds.ts'
import { inConsole } from './console.ts'

/** Milliseconds at the server for one answer. */
const goalMs = 300

/** Searches of the users of a project; ten minutes and 12 GB of disk. */
export async function search(bench: Bench): Promise<Figure[]> {
  const users = bench.quick ? 100_000 : 10_000_000
  console.log(`  search  loading ${users} users and the words of their names`)
  const place = await makePlace(bench.serverUrl, 'bench_search', { users, sessions: 1000 })
  const { sql } = place
  // Rows that were loaded without triggers have no words yet.
  await sql`insert into user_words (project_id, user_id, word)
    select distinct project_id, id, word from users,
      words_of_name(concat_ws(' ', display_name, first_name, last_name)) as word`
  await sql`update users set disabled_at = now() where id % 5000 = 0`
  await sql`vacuum (analyze) user_words`
  await sql`vacuum (analyze) users`
  const service = await serve(place, bench.folder, 'search')
  const some = () => 1 + Math.floor(Math.random() * users)
  const [uuids] = [await sql<{ uuid: string }[]>`select uuid from users order by random() limit 20`]
  const kinds: Record<string, (nth: number) => string> = {
    'the first page': () => '',
    'the whole address': () => `?email=user-${some()}@example.com`,
    'the beginning of an address that many have': () => '?email=user-1',
    'a word that one has': () => `?name=${some()}`,
    'a word that all have': () => '?name=user',
    'two words': () => `?name=number%20${some()}`,
    'a UUID': (nth) => `?uuid=${uuids[nth % uuids.length]?.uuid}`,
    'a rare state': () => '?state=disabled',
    'created since': () => `?created_since=${new Date(Date.now() - 60_000).toISOString()}`,
    nobody: () => `?email=nobody-${some()}`,
  }
  const figures: Figure[] = []
  for (const [name, queryOf] of Object.entries(kinds)) {
    const times: number[] = []
    await timed(place, service, queryOf(0))
    for (let nth = 0; nth < 20; nth++) times.push(await timed(place, service, queryOf(nth)))
    const slowest = Math.max(...times)
    figures.push({
      name: `${name}, of ${users} users: slowest of 20`,
      goal: `≤ ${goalMs} ms`,
      measured: ms(slowest),
      detail: `median ${ms(median(times))}`,
      met: slowest <= goalMs,
    })
  }
  return [...figures, ...(await inConsole(place, service, users))]
}

/** Milliseconds until a page has arrived. */
async function timed({ projectId, projectSecret }: Place, { port }: Running, query: string): Promise<number> {
  const authorization = `Basic ${Buffer.from(`${projectId}:${projectSecret}`).toString('base64')}`
  const began = performance.now()
  const url = `http://127.0.0.1:${port}/api/admin/projects/${projectId}/users${query}`
  const answer = await fetch(url, { headers: { authorization } })
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`${query} answered ${answer.status}: ${text.slice(0, 200)}`)
  return performance.now() - began
}
