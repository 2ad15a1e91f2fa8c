// W1 and W4: sign-in and sign-up compared with the bare hash.
import { planFor } from '../crowd.ts'
import { atLeast, type Bench, pace, timesAtLeast } from '../figures.ts'
import { startHashing } from '../processes.ts'
import { alternate, type Figure, rate } from '../rounds.ts'
import { stage, stagePeer, startRegulars } from '../stage.ts'

async function rawHashing() {
  const hash = await startHashing()
  return { 'raw argon2id': async (seconds: number) => (await hash(seconds)).perSecond }
}

/** Sign-in at saturation, from many addresses and from one. */
export async function login(bench: Bench): Promise<Figure[]> {
  const { place, service } = await stage(bench, 'bench_login')
  const load = await startRegulars(place, service)
  const raw = await rawHashing()
  const own = await stagePeer(bench, { passwords: 'scrypt', sessions: 'plain' }, 32)
  const same = await stagePeer(bench, { passwords: 'argon2id', sessions: 'plain' }, 32)
  const from = (manyAddresses: boolean) => async (seconds: number) =>
    (await load.run(planFor(place, service, { kind: 'login', seconds, manyAddresses }))).perSecond
  const peers = own && same && { better: own.rate('peer login'), 'with argon2id': same.rate('peer login') }
  const many = await alternate('login', pace(bench.quick, 5, 3), rate, from(true), { ...raw, ...peers })
  const one = await alternate('login, one address', pace(bench.quick, 3, 3), rate, from(false), raw)
  return [
    atLeast('login / raw argon2id on all cores', 0.9, many['raw argon2id']),
    atLeast('the same, all clients behind one address', 0.9, one['raw argon2id']),
    ...(many.better ? [timesAtLeast('login / better-auth, its scrypt', 4, many.better)] : []),
    ...(many['with argon2id']
      ? [timesAtLeast('login / better-auth, the same argon2id', 1.05, many['with argon2id'])]
      : []),
  ]
}

/** Sign-up at saturation, in a project without verification. */
export async function signup(bench: Bench): Promise<Figure[]> {
  const { place, service, load } = await stage(bench, 'bench_signup')
  const raw = await rawHashing()
  const peer = await stagePeer(bench, { passwords: 'scrypt', sessions: 'plain' }, 32)
  const found = await alternate(
    'signup',
    pace(bench.quick, 5, 4),
    rate,
    async (seconds) =>
      (await load.run(planFor(place, service, { kind: 'signup', seconds, manyAddresses: true }))).perSecond,
    { ...raw, ...(peer && { better: peer.rate('peer signup') }) },
  )
  return [
    atLeast('signup / raw argon2id on all cores', 0.85, found['raw argon2id']),
    ...(found.better ? [timesAtLeast('signup / better-auth, its scrypt', 4, found.better)] : []),
  ]
}
