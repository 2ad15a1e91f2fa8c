// What can be said of the standby that is read from: whether it answers, is one, and holds the tables of this version.
import { isMigrated } from '../database/migrations.ts'
import { openPool } from '../database/pool.ts'
import { bad, type Finding, good, reasonOf } from './finding.ts'

const meanwhile = 'Everything is read from the primary meanwhile.'

/** Looks at the server of DATABASE_READ_URL. In: whether it is reached through a pooler. */
export async function standby(url: string, pooled: boolean): Promise<Finding> {
  const waits = { answerMs: 2000, waitMs: 2000 }
  const sql = openPool(url, { connections: 1, name: 'sallyport-doctor', pooled, ...waits })
  try {
    const [row] = await sql`select pg_is_in_recovery() as standby`
    if (!row?.standby)
      return bad(
        'standby',
        `DATABASE_READ_URL leads to no standby, but to a server that takes writes. Point it to one that streams from the primary, or unset it. ${meanwhile}`,
      )
    if (!(await isMigrated(sql)))
      return bad(
        'standby',
        `Its tables are those of an earlier version. Migrate the primary (npx . migrate), and see that it streams from there. ${meanwhile}`,
      )
    return good('standby', 'It answers, and holds the tables of this version.')
  } catch (error) {
    return bad(
      'standby',
      `It cannot be used: ${reasonOf(error)}. Check that it runs, and that DATABASE_READ_URL is right. ${meanwhile}`,
    )
  } finally {
    await sql.end({ timeout: 1 })
  }
}
