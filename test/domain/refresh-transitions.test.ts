// The model and the code are one: every row of the table that test/model/refresh.pml includes is driven against the statements on
// PostgreSQL, and what revocation.pml says of a cache entry against the cache.
import t from 'tap'
import { signUp } from '../../src/domain/accounts/sign-up.ts'
import { AuthError } from '../../src/domain/errors.ts'
import type { Observer, RefreshOutcome } from '../../src/domain/observer.ts'
import { refreshSession } from '../../src/domain/sessions/refresh.ts'
import { createSessionCache } from '../../src/domain/sessions/session-cache.ts'
import { recoverSession, rotateSession } from '../../src/repositories/sessions/refresh.ts'
import {
  effects,
  findsRow,
  type Outcome,
  outcomeOf,
  type Situation,
  situations,
  statements,
} from '../model/refresh-table.ts'
import { createTestDomain } from '../support/domain.ts'
import { writeProof } from '../support/proof.ts'

const outcomes: RefreshOutcome[] = []
const observer = new Proxy({} as Observer, {
  get: (_target, name) =>
    name === 'refreshed' ? (outcome: RefreshOutcome) => outcomes.push(outcome) : () => {},
})
const { sql, project, context } = await createTestDomain(t, { observer })
const { tokens } = project.policy
const opened = await signUp(context(), { email: 'table@example.com', password: 'a good long password' })
if (opened.kind !== 'signed_in') throw new Error('A session was expected.')
const { sessionId: id, user } = opened.grant
t.ok(tokens.replay_grace_seconds < tokens.access_seconds, 'the grace is the shorter span')

const generation = 5
const behind = { current: 0, former: 1, older: 2 }
const endings = ['revoked', 'expired', 'epoch', 'disabled'] as const
type Ending = (typeof endings)[number]

/** Writes the row of a situation. A grace beyond the span of a repetition is one that a repetition began anew. */
async function arrange(situation: Situation, ending: Ending | null): Promise<{ presented: number } | null> {
  const { inGrace, inRepeat, used, recovered } = situation
  const presented = generation - behind[situation.presented]
  const fresh = tokens.replay_grace_seconds / 2
  const late = (tokens.replay_grace_seconds + tokens.access_seconds) / 2
  const rotated = !inRepeat ? tokens.access_seconds + late : inGrace && !recovered ? fresh : late
  // No row is like this: the grace outlasts the span only after a repetition.
  if (inGrace && !inRepeat && !recovered) return null
  await sql`update users set disabled_at = ${ending === 'disabled' ? sql`now()` : null} where id = ${user.id}`
  await sql`update sessions set generation = ${generation}, seen_generation = ${used ? generation : generation - 1},
      valid_generation = ${situation.secured ? presented + 1 : 1},
      rotated_at = now() - make_interval(secs => ${rotated}),
      recovered_at = ${recovered ? sql`now() - make_interval(secs => ${inGrace ? fresh : late})` : null},
      expires_at = now() + make_interval(secs => ${ending === 'expired' ? -1 : 3600}), absolute_expires_at = now() + interval '1 day',
      epoch = (select epoch from users where id = ${user.id}) - ${ending === 'epoch' ? 1 : 0}::int,
      revoked_at = ${ending === 'revoked' ? sql`now()` : null},
      revoked_reason = ${ending === 'revoked' ? 'logout' : null} where id = ${id}`
  return { presented }
}

/** The row as the table's words describe it. */
async function read() {
  const [row] =
    await sql`select s.generation, s.revoked_at is null and s.expires_at > now() and u.epoch = s.epoch
      and u.disabled_at is null as alive,
    now() <= greatest(rotated_at, recovered_at) + make_interval(secs => ${tokens.replay_grace_seconds}) as "inGrace",
    now() <= rotated_at + make_interval(secs => ${tokens.access_seconds}) as "inRepeat",
    seen_generation >= generation as used, recovered_at is not null as recovered
    from sessions s join users u on u.id = s.user_id where s.id = ${id}`
  return { ...row }
}

const describe = (situation: Situation, ending: Ending | null) =>
  [...Object.entries(situation).map(([name, value]) => `${name} ${value}`), ending ?? ''].join(', ')

const driven = situations.flatMap((situation) =>
  (situation.alive ? [null] : endings).map((ending) => ({ situation, ending })),
)

t.test('every row of the table is what a refresh does on PostgreSQL', async (t) => {
  const reached = new Set<Outcome>()
  let rows = 0
  for (const { situation, ending } of driven) {
    const arranged = await arrange(situation, ending)
    if (!arranged) continue
    const name = describe(situation, ending)
    const before = await read()
    const { presented: _presented, secured: _secured, ...state } = situation
    t.same(before, { generation, ...state }, `arranged: ${name}`)
    outcomes.length = 0
    const grant = await refreshSession(context(), { sessionId: id, generation: arranged.presented }).catch(
      (error: unknown) => {
        if (error instanceof AuthError) return null
        throw error
      },
    )
    const expected = outcomeOf(situation)
    reached.add(expected)
    rows++
    // Reuse is counted as that, and refused as well.
    t.equal(outcomes[0], expected, name)
    t.equal(grant !== null, !['reused', 'refused'].includes(expected), `granted: ${name}`)
    const turned = expected === 'rotated' ? generation + 1 : generation
    if (grant) t.equal(grant.generation, turned, 'what is granted is the current generation')
    t.same(await read(), { generation: turned, ...state, ...effects[expected] }, `afterwards: ${name}`)
  }
  t.same([...reached].sort(), Object.keys(effects).sort(), 'every outcome was reached')
  writeProof('refresh-transitions', 'test/domain/refresh-transitions.test.ts', {
    rows,
    outcomes: reached.size,
  })
})

t.test('each statement checks again what the table says', async (t) => {
  const by = { client: 'canonical' as const, adoptsFormer: false }
  const { store } = context()
  for (const { situation, ending } of driven.filter(
    ({ ending: how }) => how === null || how === 'revoked' || how === 'expired',
  )) {
    for (const statement of Object.keys(statements) as (keyof typeof statements)[]) {
      const arranged = await arrange(situation, ending)
      if (!arranged) continue
      const found =
        statement === 'rotate'
          ? await rotateSession(store, {
              id,
              generation: arranged.presented,
              by,
              refreshSeconds: 3600,
              unverifiedAllowed: true,
            })
          : await recoverSession(store, id, arranged.presented)
      t.equal(found !== null, findsRow(statement, situation), `${statement}: ${describe(situation, ending)}`)
    }
  }
})

t.test(
  'an entry is used where revocation.pml says: current, read, and not told of since the read was sent',
  async (t) => {
    for (const isCurrent of [true, false])
      for (const told of ['never', 'during', 'after'] as const)
        for (const how of ['user', 'everything'] as const) {
          let current = true
          const listeners: { user(id: number): void; everything(): void }[] = []
          const cache = createSessionCache<{
            projectId: string
            user: typeof user
            now: Date
            expiresAt: null
          }>({ isCurrent: () => current, subscribe: (listener) => void listeners.push(listener) }, 10)
          const tell = () => {
            for (const listener of listeners) how === 'user' ? listener.user(user.id) : listener.everything()
          }
          await cache.read(id, async () => {
            if (told === 'during') tell()
            return { projectId: project.id, user: { ...user }, now: new Date(), expiresAt: null }
          })
          if (told === 'after') tell()
          current = isCurrent
          const isUsed = cache.find(project.id, id) !== null
          t.equal(isUsed, isCurrent && told === 'never', `current ${isCurrent}, ${how} told ${told}`)
        }
  },
)
